# shellcheck shell=bash disable=SC2154 # logs comes from scripts/test
# A PostgreSQL for one test run: on a free port, with data in a temporary folder that is removed at the end. It is in memory where
# that has room, because the tests create and remove some hundred thousand small files.

postgres_pid=
postgres_home=

start_postgres() {
  [ -z "$postgres_pid" ] || return 0
  local bin attempt port
  local -a as=()
  bin=$(postgres_folder) || { echo 'scripts/test: no initdb found, though postgresql is installed' >&2; return 1; }
  postgres_home=$(mktemp -d "$(memory_folder)/countersign-test.XXXXXX")
  if [ "$(id -u)" -eq 0 ]; then
    # PostgreSQL refuses to run as root. setpriv is replaced by the server, so its process id is the server's.
    local user=postgres
    id "$user" >/dev/null 2>&1 || user=nobody
    chown "$user" "$postgres_home"
    as=(setpriv "--reuid=$user" "--regid=$(id -g "$user")" --clear-groups)
  fi
  (cd "$postgres_home" && "${as[@]}" "$bin/initdb" --pgdata="$postgres_home/data" --username=postgres --auth=trust \
    --encoding=UTF8 --locale=C --no-sync) >"$logs/postgres.log" 2>&1 || { tail "$logs/postgres.log" >&2; return 1; }
  for attempt in 1 2 3 4 5; do
    port=$(free_port)
    # fsync=off: the data is discarded, and no test stops this server. Isolation and visibility are not affected. Nothing is
    # kept long enough to be vacuumed.
    (cd "$postgres_home" && exec "${as[@]}" "$bin/postgres" -D "$postgres_home/data" -p "$port" -c listen_addresses=127.0.0.1 \
      -c unix_socket_directories="$postgres_home" -c max_connections=300 -c fsync=off -c full_page_writes=off \
      -c autovacuum=off -c max_wal_size=256MB) \
      >>"$logs/postgres.log" 2>&1 </dev/null &
    postgres_pid=$!
    if answers "$bin" "$port"; then
      export COUNTERSIGN_TEST_POSTGRES_URL="postgres://postgres@127.0.0.1:$port/postgres"
      echo "=== PostgreSQL $("$bin/postgres" --version | grep -oE '[0-9]+\.[0-9]+' | head -n 1) for this run on port $port"
      return 0
    fi
    wait "$postgres_pid"
    postgres_pid=
    echo "scripts/test: PostgreSQL did not start on port $port (try $attempt)" >&2
  done
  tail "$logs/postgres.log" >&2
  return 1
}

stop_postgres() {
  if [ -n "$postgres_pid" ]; then
    # Fast shutdown, then an immediate one if that takes too long.
    kill -INT "$postgres_pid" 2>/dev/null
    for _ in $(seq 100); do
      kill -0 "$postgres_pid" 2>/dev/null || break
      sleep 0.1
    done
    kill -QUIT "$postgres_pid" 2>/dev/null
    wait "$postgres_pid" 2>/dev/null
    postgres_pid=
  fi
  [ -z "$postgres_home" ] || rm -rf "$postgres_home"
  return 0
}

# Prints the folder for temporary files: in memory if it has room for all that the tests have at one time.
memory_folder() {
  local room=0
  [ ! -w /dev/shm ] || room=$(df -Pm /dev/shm | awk 'NR == 2 { print $4 }')
  if [ "$room" -ge 2048 ]; then echo /dev/shm; else echo "${TMPDIR:-/tmp}"; fi
}

# On Debian, the server's programs are in a folder per version outside the PATH.
postgres_folder() {
  local folder
  if type -P initdb >/dev/null && type -P postgres >/dev/null; then
    dirname "$(readlink -f "$(type -P initdb)")"
    return
  fi
  folder=$(find /usr/lib/postgresql /opt/homebrew/opt /usr/local/opt -maxdepth 3 -path '*/bin/initdb' 2>/dev/null | sort -V | tail -n 1)
  [ -n "$folder" ] && dirname "$folder"
}

answers() {
  local _
  for _ in $(seq 150); do
    kill -0 "$postgres_pid" 2>/dev/null || return 1
    "$1/pg_isready" --quiet --host=127.0.0.1 --port="$2" --username=postgres && return 0
    sleep 0.2
  done
  kill -QUIT "$postgres_pid" 2>/dev/null
  return 1
}

free_port() {
  python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}
