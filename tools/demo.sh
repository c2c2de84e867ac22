#!/usr/bin/env bash
# Indexes the sample photos into an index of its own and asks for some of them in words.
set -euo pipefail
cd "$(dirname "$0")/.."

export PHOTOND_DATABASE="$PWD/.demo/index.db"
export XDG_CONFIG_HOME="$PWD/.demo/config"
export XDG_STATE_HOME="$PWD/.demo/state"
export XDG_CACHE_HOME="$PWD/.demo/cache"

show() {
  printf '\n$ photond'
  for word in "$@"; do
    case $word in *' '*) printf ' "%s"' "$word" ;; *) printf ' %s' "$word" ;; esac
  done
  printf '\n'
  photond "$@"
}

rm -rf .demo
show index samples
show query "cup of coffee" --limit 3
show query "a wild animal" --limit 3
show query "snowy mountains" --limit 3
show query "flowers" --limit 3
show query "ruins of an old church" --limit 3
show similar samples/mountain.jpg --limit 2
show tags samples/raccoon.jpg samples/pagoda.jpg

cat <<'END'

That was the small model that comes with photond. Now your own photos:

  source .venv/bin/activate
  photond index ~/Pictures
  photond query "beach"
END
