// SPDX-FileCopyrightText: The cfutures authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// What makes the iterators usable in foreach.
namespace Cf {
	public sealed class FutureIter : GLib.Object {
		[CCode (cname = "g_object_ref")]
		public FutureIter iterator ();
		[CCode (cname = "cf_future_iter_next")]
		public Future? next_value () throws GLib.Error;
	}
	public sealed class ResultIter : GLib.Object {
		[CCode (cname = "g_object_ref")]
		public ResultIter iterator ();
		[CCode (cname = "cf_result_iter_next")]
		public GLib.Variant? next_value () throws GLib.Error;
	}
}
