# SPDX-FileCopyrightText: The cfutures authors
# SPDX-License-Identifier: LGPL-2.1-or-later

# What the scripts of the project have in common.  Sourced by bash; it leaves the shell in the top folder.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Debian's names.
build_packages=(
  clang-format gcc gi-docgen gir1.2-soup-3.0 gjs gobject-introspection libc6-dev libgirepository1.0-dev
  libglib2.0-dev libsoup-3.0-dev meson ninja-build pkg-config python3-gi valac
)
sanitizer_packages=(clang libc6-dbg libclang-rt-dev valgrind)

# Installs those of the packages that are missing, or names them.
need () {
  local package missing=()
  command -v dpkg-query >/dev/null || return 0
  for package; do
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || missing+=("$package")
  done
  ((${#missing[@]})) || return 0
  if ((EUID)); then
    echo "These packages are needed: ${missing[*]}" >&2
    exit 1
  fi
  echo "Installing ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  apt-get -qq update
  apt-get -qq install --no-install-recommends "${missing[@]}" >/dev/null
}

# Builds in a folder, which is set up with the other arguments unless it is there.
build () {
  local folder=$1
  shift
  [[ -e $folder/build.ninja ]] || quietly meson setup "$folder" "$@"
  quietly meson compile -C "$folder"
}

# Shows what a command says only when it fails.
quietly () {
  local said
  said=$("$@" 2>&1) || { echo "$said" >&2; return 1; }
}

# The first python3 may not be the one that has PyGObject; a folder of overrides alone can be imported, too.
python_with_gi () {
  python3 -c 'from gi import require_version' 2>/dev/null && echo python3 || echo /usr/bin/python3
}
