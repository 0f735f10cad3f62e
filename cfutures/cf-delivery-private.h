/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <gio/gio.h>

#include "cf-future-private.h"

G_BEGIN_DECLS

guint    _cf_delivery_begin_link (guint state);
void     _cf_delivery_link (CfFuture *self);
void     _cf_delivery_add (CfFuture *self);
void     _cf_delivery_remove (CfFuture *self);
void     _cf_delivery_remove_many (CfFuture **futures,
                                   guint      n_futures);
gboolean _cf_delivery_keep (CfFuture *self);
gboolean _cf_delivery_hand_over (CfFuture *self);

G_END_DECLS
