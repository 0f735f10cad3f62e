/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "cf-function-private.h"

#include <dlfcn.h>
#include <elf.h>
#include <gmodule.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cf-error.h"

/* A function pointer means nothing in another process, not even in one that runs the same program: objects are
 * loaded somewhere else each time.  The file and the offset in it are the same; the build id tells that the file is. */

typedef struct
{
  gpointer    address; /* what is looked for; NULL: look by id */
  const char *id;
  guint64     offset;
  char       *object;
  char       *found_id;
  gboolean    is_program;
  gboolean    found;
  guint       n_seen;
} Search;

static GMutex      places_lock;
static GHashTable *places;     /* (mutex places_lock) (element-type CfFunctionPointer CfFunctionPlace) */
static guint64     places_era; /* (mutex places_lock): how many objects had been unloaded when the table was made */
static GPtrArray  *old_places; /* (mutex places_lock): tables of former eras: their places may still be in use */

/* The file of this program, for starting it again. */
char *
_cf_function_dup_program_path (void)
{
  g_autofree char *path = g_file_read_link (CF_FUNCTION_PROGRAM, NULL);

  if (path == NULL || g_str_has_suffix (path, " (deleted)"))
    return g_strdup (CF_FUNCTION_PROGRAM);

  return g_steal_pointer (&path);
}

static char *
to_hex (const guint8 *bytes,
        gsize         size)
{
  GString *hex = g_string_sized_new (2 * size);

  for (gsize i = 0; i < size; i++)
    g_string_append_printf (hex, "%02x", bytes[i]);

  return g_string_free (hex, FALSE);
}

static char *
build_id_in_notes (const char *note,
                   gsize       size)
{
  const char *end = note + size;

  while ((gsize) (end - note) >= sizeof (ElfW (Nhdr)))
    {
      const ElfW (Nhdr) *head = (const ElfW (Nhdr) *) note;
      gsize       name_size = (head->n_namesz + 3U) & ~3U, desc_size = (head->n_descsz + 3U) & ~3U;
      const char *name = note + sizeof *head;

      if (name_size + desc_size > (gsize) (end - name))
        break;
      if (head->n_type == NT_GNU_BUILD_ID && head->n_namesz == 4 && memcmp (name, "GNU", 4) == 0)
        return to_hex ((const guint8 *) name + name_size, head->n_descsz);
      note = name + name_size + desc_size;
    }

  return NULL;
}

static char *
file_id (const char *path)
{
  struct stat info;

  if (stat (path, &info) != 0)
    return g_strdup ("none");

  return g_strdup_printf ("file-%" G_GUINT64_FORMAT "-%" G_GUINT64_FORMAT "-%" G_GINT64_FORMAT,
                          (guint64) info.st_ino, (guint64) info.st_size, (gint64) info.st_mtime);
}

static char *
object_path (const struct dl_phdr_info *info,
             gboolean                   is_program)
{
  char *real, *path;

  if (is_program)
    return _cf_function_dup_program_path ();

  real = realpath (info->dlpi_name, NULL);
  path = g_strdup (real != NULL ? real : info->dlpi_name);
  free (real); /* NOLINT: realpath() uses malloc() */

  return path;
}

static char *
object_id (const struct dl_phdr_info *info,
           const char                *path)
{
  for (guint i = 0; i < info->dlpi_phnum; i++)
    if (info->dlpi_phdr[i].p_type == PT_NOTE)
      {
        char *id = build_id_in_notes ((const char *) (info->dlpi_addr + info->dlpi_phdr[i].p_vaddr), info->dlpi_phdr[i].p_memsz);

        if (id != NULL)
          return id;
      }

  return file_id (path);
}

static gboolean
has_code_at (const struct dl_phdr_info *info,
             guint64                    offset)
{
  for (guint i = 0; i < info->dlpi_phnum; i++)
    {
      const ElfW (Phdr) *segment = &info->dlpi_phdr[i];

      if (segment->p_type == PT_LOAD && (segment->p_flags & PF_X) != 0 &&
          offset >= segment->p_vaddr && offset - segment->p_vaddr < segment->p_memsz)
        return TRUE;
    }

  return FALSE;
}

static int
search_object_cb (struct dl_phdr_info *info,
                  size_t size          G_GNUC_UNUSED,
                  gpointer             user_data)
{
  Search          *search = user_data;
  gboolean         is_program = search->n_seen++ == 0;
  guint64          offset = search->address != NULL ? (guint64) (gsize) search->address - info->dlpi_addr : search->offset;
  g_autofree char *path = NULL, *id = NULL;

  if (!has_code_at (info, offset))
    return 0;

  path = object_path (info, is_program);
  id = object_id (info, path);
  if (search->address == NULL && strcmp (id, search->id) != 0)
    return 0;

  search->found = TRUE;
  search->offset = offset;
  search->address = (gpointer) (gsize) (info->dlpi_addr + offset);
  search->is_program = is_program;
  search->object = g_steal_pointer (&path);
  search->found_id = g_steal_pointer (&id);

  return 1;
}

static void
search_clear (Search *search)
{
  g_clear_pointer (&search->object, g_free);
  g_clear_pointer (&search->found_id, g_free);
}

static int
count_unloaded_cb (struct dl_phdr_info *info,
                   size_t size          G_GNUC_UNUSED,
                   gpointer             user_data)
{
  *(guint64 *) user_data = info->dlpi_subs;

  return 1;
}

static void
place_free (gpointer data)
{
  CfFunctionPlace *place = data;

  g_free (place->object);
  g_free (place->id);
  g_free (place->offset);
  g_free (place->symbol);
  g_free (place);
}

/* The symbol at exactly this address; for a static function, dladdr() would name its neighbour. */
char *
_cf_function_dup_symbol (gpointer address)
{
  Dl_info info;

  if (dladdr (address, &info) == 0 || info.dli_sname == NULL || info.dli_saddr != address)
    return NULL;

  return g_strdup (info.dli_sname);
}

static CfFunctionPlace *
place_new (gpointer address,
           GError **error)
{
  Search           search = { .address = address };
  CfFunctionPlace *place;

  dl_iterate_phdr (search_object_cb, &search);
  if (!search.found)
    {
      g_set_error (error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_NOT_SERIALIZABLE,
                   "The function at %p is in no program or library file (a closure made at run time?), so no other "
                   "process can find it; use cf_executor_submit_named() or a function that was compiled",
                   address);
      return NULL;
    }

  place = g_new0 (CfFunctionPlace, 1);
  place->object = g_steal_pointer (&search.object);
  place->id = g_steal_pointer (&search.found_id);
  place->offset = g_strdup_printf ("%" G_GINT64_MODIFIER "x", search.offset);
  place->symbol = _cf_function_dup_symbol (address);
  place->is_program = search.is_program;

  return place;
}

/* A module that was unloaded may have left its addresses to another one. */
static void
renew_places_locked (guint64 era)
{
  if (places != NULL && era == places_era)
    return;

  if (places != NULL)
    {
      if (old_places == NULL)
        old_places = g_ptr_array_new ();
      g_ptr_array_add (old_places, places);
    }
  places = g_hash_table_new_full (NULL, NULL, NULL, place_free);
  places_era = era;
}

static const CfFunctionPlace *
look_up_place (gpointer address,
               guint64  era)
{
  const CfFunctionPlace *place;

  g_mutex_lock (&places_lock);
  renew_places_locked (era);
  place = g_hash_table_lookup (places, address);
  g_mutex_unlock (&places_lock);

  return place;
}

static const CfFunctionPlace *
remember_place (gpointer         address,
                CfFunctionPlace *place)
{
  const CfFunctionPlace *winner;

  g_mutex_lock (&places_lock);
  winner = g_hash_table_lookup (places, address);
  if (winner == NULL)
    {
      g_hash_table_insert (places, address, place);
      winner = g_steal_pointer (&place);
    }
  g_mutex_unlock (&places_lock);

  if (place != NULL)
    place_free (place);

  return winner;
}

/* Says where @function lies.  The place stays valid for ever.  The loader's lock is never taken under ours. */
const CfFunctionPlace *
_cf_function_locate (CfFunctionPointer function,
                     GError          **error)
{
  gpointer               address = (gpointer) function;
  const CfFunctionPlace *known;
  CfFunctionPlace       *place;
  guint64                era = 0;

  dl_iterate_phdr (count_unloaded_cb, &era);
  known = look_up_place (address, era);
  if (known != NULL)
    return known;

  place = place_new (address, error);

  return place != NULL ? remember_place (address, place) : NULL;
}

static CfFunctionPointer
search_loaded (const char *id,
               guint64     offset)
{
  Search search = { .id = id, .offset = offset };

  dl_iterate_phdr (search_object_cb, &search);
  search_clear (&search);

  return search.found ? (CfFunctionPointer) search.address : NULL;
}

/* Finds in this process what _cf_function_locate() described in another one, and loads the file if need be. */
CfFunctionPointer
_cf_function_find (const char *object,
                   const char *id,
                   const char *offset,
                   GError    **error)
{
  CfFunctionPointer function;
  guint64           number;
  const char       *reason;

  if (!g_ascii_string_to_unsigned (offset, 16, 0, G_MAXUINT64, &number, error))
    return NULL;
  function = search_loaded (id, number);
  if (function != NULL)
    return function;

  /* For ever: results may hold what points into it. */
  if (dlopen (object, RTLD_NOW | RTLD_LOCAL) != NULL)
    {
      function = search_loaded (id, number);
      if (function != NULL)
        return function;
      reason = "the file is not the one that the calling program uses";
    }
  else
    {
      reason = dlerror ();
    }

  g_set_error (error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_NOT_SERIALIZABLE,
               "The function at %s+0x%s is not found in the worker: %s. If it is a function of the program itself, call "
               "cf_process_pool_init() at the top of main()",
               object, offset, reason != NULL ? reason : "unknown error");

  return NULL;
}

/* Looks "module-path:symbol" up, or "symbol" in the program and what it is linked with. */
CfFunctionPointer
_cf_function_find_named (const char *name,
                         GError    **error)
{
  const char      *colon = strrchr (name, ':');
  g_autofree char *path = colon != NULL ? g_strndup (name, (gsize) (colon - name)) : NULL;
  GModule         *module = g_module_open (path, G_MODULE_BIND_LAZY | G_MODULE_BIND_LOCAL);
  gpointer         address = NULL;

  if (module == NULL || !g_module_symbol (module, colon != NULL ? colon + 1 : name, &address) || address == NULL)
    {
      g_set_error (error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_NOT_FOUND,
                   "There is no function “%s”: %s", name, g_module_error () != NULL ? g_module_error () : "not found");
      if (module != NULL)
        g_module_close (module);
      return NULL;
    }

  g_module_make_resident (module);

  return (CfFunctionPointer) address;
}

/* A name for messages: the symbol, or the file and the offset. */
char *
_cf_function_describe_place (const CfFunctionPlace *place)
{
  g_autofree char *base = NULL;

  if (place->symbol != NULL)
    return g_strdup (place->symbol);

  base = g_path_get_basename (place->object);

  return g_strdup_printf ("%s+0x%s", base, place->offset);
}

char *
_cf_function_describe (CfFunctionPointer function)
{
  const CfFunctionPlace *place = _cf_function_locate (function, NULL);

  return place != NULL ? _cf_function_describe_place (place) : g_strdup_printf ("%p", (gpointer) function);
}
