# What is done often. `just check` before every commit.

# List the recipes.
default:
    @just --list --justfile {{justfile()}}

# Everything that has to hold before a commit.
check: format lint test docs deny

# Is everything formatted?
format:
    cargo fmt --all --check

# Lints, of the server and of the pure core alone.
lint:
    cargo clippy --all-targets -- -D warnings
    cargo clippy --lib --no-default-features -- -D warnings

# All tests, then the examples in the documentation.
test:
    cargo nextest run
    cargo test --doc

# The documentation, whole.
docs:
    RUSTDOCFLAGS="-D warnings" cargo doc --no-deps

# Licences and advisories.
deny:
    cargo deny --config .deny.toml check

# The clients that tests/clients talks to the server with.
clients:
    cd tests/clients && npm ci
    python3 -m venv target/client-venv
    target/client-venv/bin/pip install redis

# A server in a directory that is thrown away.
serve *flags:
    cargo run --release -- serve --data-dir target/serve {{flags}}
