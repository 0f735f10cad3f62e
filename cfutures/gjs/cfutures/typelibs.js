// SPDX-FileCopyrightText: The cfutures authors
// SPDX-License-Identifier: LGPL-2.1-or-later

/* exported getFolders, prependFolder */

/*
 * Where typelibs are looked for. GIRepository 2.0 has static methods for that; in 3.0, with which GJS comes since GNOME 49,
 * they are those of an object.
 */

function getRepository() {
    const {Repository} = imports.gi.GIRepository;

    return Repository.dup_default?.() ?? Repository;
}

/**
 * @returns {Array} the folders
 */
function getFolders() {
    return getRepository().get_search_path();
}

/**
 * @param {string} folder - where to look first
 */
function prependFolder(folder) {
    getRepository().prepend_search_path(folder);
}
