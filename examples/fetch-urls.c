/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Fetches URLs, five at a time, and shows each as soon as it is there.
 *
 * Without arguments it fetches from a server of its own, which has pages of several sizes, one that is
 * slow and one that is missing; besides there are a port that refuses and a host that does not exist. */

#include <locale.h>

#include <cfutures/cfutures.h>
#include <libsoup/soup.h>

#define N_THREADS 5

static GBytes *
load_url (SoupSession  *session,
          const char   *url,
          GCancellable *cancellable,
          GError      **error)
{
  g_autoptr (SoupMessage) message = soup_message_new (SOUP_METHOD_GET, url);
  g_autoptr (GBytes) page = NULL;

  if (message == NULL)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "unknown url type: '%s'", url);
      return NULL;
    }

  page = soup_session_send_and_read (session, message, cancellable, error);
  if (page != NULL && !SOUP_STATUS_IS_SUCCESSFUL (soup_message_get_status (message)))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED, "HTTP Error %u: %s",
                   soup_message_get_status (message), soup_message_get_reason_phrase (message));
      return NULL;
    }

  return g_steal_pointer (&page);
}

typedef struct
{
  SoupSession *session;
  char        *url;
} Page;

static void
page_free (gpointer data)
{
  Page *page = data;

  g_object_unref (page->session);
  g_free (page->url);
  g_free (page);
}

static gboolean
load_page (GValue       *result,
           GCancellable *cancellable,
           gpointer      user_data,
           GError      **error)
{
  Page   *page = user_data;
  GBytes *bytes = load_url (page->session, page->url, cancellable, error);

  if (bytes == NULL)
    return FALSE;
  g_value_init (result, G_TYPE_BYTES);
  g_value_take_boxed (result, bytes);

  return TRUE;
}

static CfFuture *
submit_url (CfExecutor  *executor,
            SoupSession *session,
            const char  *url)
{
  g_autoptr (GError) error = NULL;
  Page     *page = g_new0 (Page, 1);
  CfFuture *future;

  page->session = g_object_ref (session);
  page->url = g_strdup (url);
  future = cf_executor_submit_task (executor, load_page, page, page_free, &error);
  if (future == NULL)
    g_error ("%s", error->message);

  return future;
}

static void
print_outcome (const char *url,
               CfFuture   *future)
{
  g_autoptr (GError) error = NULL;
  const GValue *page = cf_future_get_result (future, -1, &error);

  if (page == NULL)
    g_print ("'%s' generated an exception: %s\n", url, error->message);
  else
    g_print ("'%s' page is %" G_GSIZE_FORMAT " bytes\n", url, g_bytes_get_size (g_value_get_boxed (page)));
}

static void
print_as_completed (GPtrArray  *futures,
                    GHashTable *future_to_url)
{
  g_autoptr (CfFutureIter) completed = cf_as_completed ((CfFuture **) futures->pdata, futures->len, -1);
  g_autoptr (GError) error = NULL;
  CfFuture *future;

  while ((future = cf_future_iter_next (completed, &error)) != NULL)
    {
      print_outcome (g_hash_table_lookup (future_to_url, future), future);
      cf_future_unref (future);
    }
  if (error != NULL)
    g_error ("%s", error->message);
}

static void
fetch (char **urls)
{
  g_autoptr (CfExecutor) executor = CF_EXECUTOR (cf_thread_pool_executor_new (N_THREADS));
  /* All threads share its connections. */
  g_autoptr (SoupSession) session = soup_session_new_with_options ("max-conns-per-host", N_THREADS, "timeout", 60, NULL);
  g_autoptr (GPtrArray) futures = g_ptr_array_new_with_free_func ((GDestroyNotify) cf_future_unref);
  g_autoptr (GHashTable) future_to_url = g_hash_table_new (NULL, NULL);

  for (; *urls != NULL; urls++)
    {
      CfFuture *future = submit_url (executor, session, *urls);

      g_ptr_array_add (futures, future);
      g_hash_table_insert (future_to_url, future, *urls);
    }

  print_as_completed (futures, future_to_url);
  cf_executor_shutdown (executor, TRUE, FALSE);
}

/* The server for want of arguments, in a thread with a main context of its own. */

typedef struct
{
  GMainContext *context;
  GMainLoop    *loop;
  SoupServer   *server;
  GThread      *thread;
} Server;

static const struct
{
  const char *path;
  gsize       size;
  guint       delay_ms;
} pages[] = {
  { "/fox", 225141, 0 },
  { "/cnn", 154947, 0 },
  { "/wsj", 911144, 0 },
  { "/bbc", 274394, 500 },
};

static gboolean
unpause (gpointer message)
{
  soup_server_message_unpause (message);

  return G_SOURCE_REMOVE;
}

static void
answer_later (SoupServerMessage *message,
              guint              delay_ms)
{
  g_autoptr (GSource) source = g_timeout_source_new (delay_ms);

  soup_server_message_pause (message);
  g_source_set_callback (source, unpause, g_object_ref (message), g_object_unref);
  g_source_attach (source, g_main_context_get_thread_default ());
}

static void
on_request (SoupServer *server G_GNUC_UNUSED,
            SoupServerMessage *message,
            const char        *path,
            GHashTable *query  G_GNUC_UNUSED,
            gpointer user_data G_GNUC_UNUSED)
{
  for (guint i = 0; i < G_N_ELEMENTS (pages); i++)
    if (g_str_equal (path, pages[i].path))
      {
        soup_server_message_set_status (message, SOUP_STATUS_OK, NULL);
        soup_server_message_set_response (message, "text/html", SOUP_MEMORY_TAKE,
                                          g_strnfill (pages[i].size, ' '), pages[i].size);
        if (pages[i].delay_ms > 0)
          answer_later (message, pages[i].delay_ms);
        return;
      }

  soup_server_message_set_status (message, SOUP_STATUS_NOT_FOUND, NULL);
}

static gpointer
serve (gpointer data)
{
  Server *self = data;

  g_main_context_push_thread_default (self->context);
  g_main_loop_run (self->loop);
  soup_server_disconnect (self->server);
  g_main_context_pop_thread_default (self->context);

  return NULL;
}

static gboolean
server_start (Server  *self,
              GError **error)
{
  gboolean success;

  self->context = g_main_context_new ();
  self->loop = g_main_loop_new (self->context, FALSE);
  self->server = soup_server_new (NULL, NULL);
  soup_server_add_handler (self->server, NULL, on_request, NULL, NULL);

  g_main_context_push_thread_default (self->context);
  success = soup_server_listen_local (self->server, 0, SOUP_SERVER_LISTEN_IPV4_ONLY, error);
  g_main_context_pop_thread_default (self->context);
  self->thread = g_thread_new ("server", serve, self);

  return success;
}

static void
server_stop (Server *self)
{
  g_main_loop_quit (self->loop);
  g_thread_join (self->thread);
  g_object_unref (self->server);
  g_main_loop_unref (self->loop);
  g_main_context_unref (self->context);
}

/* A port that nobody listens at. */
static guint
find_refused_port (void)
{
  g_autoptr (GSocketListener) listener = g_socket_listener_new ();

  return g_socket_listener_add_any_inet_port (listener, NULL, NULL);
}

static char **
server_dup_urls (Server *self)
{
  GSList          *uris = soup_server_get_uris (self->server);
  g_autofree char *base = g_uri_to_string (uris->data);
  g_autoptr (GStrvBuilder) urls = g_strv_builder_new ();
  g_autofree char *missing = g_uri_resolve_relative (base, "/missing", G_URI_FLAGS_NONE, NULL);
  g_autofree char *refused = g_strdup_printf ("http://127.0.0.1:%u/", find_refused_port ());

  for (guint i = 0; i < G_N_ELEMENTS (pages); i++)
    {
      g_autofree char *url = g_uri_resolve_relative (base, pages[i].path, G_URI_FLAGS_NONE, NULL);

      g_strv_builder_add (urls, url);
    }
  g_strv_builder_add_many (urls, missing, refused, "http://bad_host..name/", NULL);
  g_slist_free_full (uris, (GDestroyNotify) g_uri_unref);

  return g_strv_builder_end (urls);
}

static void
fetch_from_own_server (void)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) urls = NULL;
  Server server;

  if (!server_start (&server, &error))
    g_error ("%s", error->message);
  urls = server_dup_urls (&server);
  fetch (urls);
  server_stop (&server);
}

int
main (int    argc,
      char **argv)
{
  setlocale (LC_ALL, "");

  if (argc > 1)
    fetch (argv + 1);
  else
    fetch_from_own_server ();

  return 0;
}
