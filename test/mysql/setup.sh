#!/usr/bin/env bash
# Unpacks MySQL's own server, which Debian has in `sid` alone, with the libraries that it needs into a cache folder that later runs
# find again: nothing is installed, nothing of this system changes. Prints its command, which takes the options of mysqld. Needs apt.
set -euo pipefail
cache=${MYSQL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/deltalakedb-mysql}
root=$cache/root
if [ ! -e "$cache/complete" ]; then
  rm -rf "$cache"
  mkdir -p "$cache"/{lists/partial,archives/partial,debs}
  # The addresses, and the keys, are those of this system's own sources.
  mirror=$({ cat /etc/apt/sources.list /etc/apt/sources.list.d/*.{list,sources} 2>/dev/null || true; } |
    sed -nE 's#^(URIs:|deb( \[.*\])?) +(https?://[^ ]*/debian/?)( .*|$)#\3#p' | head -n 1)
  [ -n "$mirror" ] || { echo "no mirror of Debian is among the sources of apt" >&2; exit 69; }
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror sid main" >"$cache/sources.list"
  printf '%s\n' "Dir::Etc::sourcelist \"$cache/sources.list\";" 'Dir::Etc::sourceparts "-";' "Dir::State::lists \"$cache/lists\";" \
    "Dir::Cache \"$cache\";" 'APT::Sandbox::User "root";' >"$cache/apt.conf"
  export APT_CONFIG=$cache/apt.conf
  apt-get -qq update >&2
  # Perl is for its scripts, not for the server.
  mapfile -t packages < <(apt-cache depends --recurse --no-{recommends,suggests,conflicts,breaks,replaces,enhances} mysql-server-core |
    grep -v '[<> ]' | grep -vE '^(perl|libperl|libgdbm|libdb5)' | sort -u)
  (cd "$cache/debs" && apt-get -qq download "${packages[@]}" >&2)
  for package in "$cache"/debs/*.deb; do dpkg-deb -x "$package" "$root"; done
  rm -rf "$cache"/{lists,archives,debs,pkgcache.bin,srcpkgcache.bin}
  cat >"$cache/mysqld" <<END
#!/bin/sh
exec $root/usr/lib64/ld-linux-x86-64.so.2 --library-path $root/usr/lib/x86_64-linux-gnu $root/usr/sbin/mysqld --no-defaults \\
  --basedir=$root/usr --lc-messages-dir=$root/usr/share/mysql --character-sets-dir=$root/usr/share/mysql/charsets \\
  --plugin-dir=$root/usr/lib/mysql/plugin --secure-file-priv= "\$@"
END
  chmod +x "$cache/mysqld"
  "$cache/mysqld" --version >&2
  touch "$cache/complete"
fi
echo "$cache/mysqld"
