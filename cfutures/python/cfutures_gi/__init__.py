# SPDX-FileCopyrightText: The cfutures authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""The parts of the Cf override; import gi.repository.Cf instead."""
