//! The rules of the house that no compiler knows: floors, sizes, names.

#![expect(clippy::unwrap_used, reason = "a test says what is wrong by failing")]

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

/// Each module's floor. A module uses its own floor and lower ones.
const FLOORS: [&[&str]; 6] = [
    &["encoding", "id", "money", "slot", "span", "time", "units"],
    &[
        "account", "benefit", "catalog", "customer", "cycle", "event", "grant", "keys", "metadata",
        "meter", "price", "product", "token", "workload",
    ],
    &["journal", "metrics", "readiness", "resp", "snapshot"],
    &["data_dir", "engine"],
    &["client", "http", "tcp", "webhook"],
    &["cli", "config", "main", "server", "tools"],
];

/// Names that say nothing: the concept has no name yet.
const FORBIDDEN_NAMES: [&str; 7] =
    ["common", "helpers", "manager", "misc", "types", "util", "utils"];

const LINES_MAX: usize = 500;

/// Unfinished work, and paths of somebody's machine.
const FORBIDDEN_TEXTS: [&str; 9] =
    ["TODO", "FIXME", "todo!", "unimplemented!", "dbg!", "/home/", "/root/", "/tmp/", "/Users/"];

/// A file with its path from the top of the repository, in forward slashes.
struct Source {
    path: String,
    text: String,
}

fn top() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn collect(directory: &Path, into: &mut Vec<Source>) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if path.file_name().is_none_or(|name| name != "node_modules") {
                collect(&path, into);
            }
        } else if let Ok(text) = fs::read_to_string(&path) {
            let path = path.strip_prefix(top()).unwrap().to_str().unwrap().replace('\\', "/");
            into.push(Source { path, text });
        }
    }
}

/// Every text file under these directories, by path.
fn sources(directories: &[&str]) -> Vec<Source> {
    let mut found = Vec::new();
    for directory in directories {
        collect(&top().join(directory), &mut found);
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn rust(directories: &[&str]) -> Vec<Source> {
    let mut found = sources(directories);
    found.retain(|source| Path::new(&source.path).extension().is_some_and(|end| end == "rs"));
    found
}

/// The top-level module of a file in `src`.
fn module_of(path: &str) -> &str {
    let inside = path.strip_prefix("src/").unwrap();
    let first = inside.split('/').next().unwrap();
    first.strip_suffix(".rs").unwrap_or(first)
}

fn floor_of(module: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&module))
}

/// The lines of a file without its comments.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().enumerate().map(|(place, line)| (place + 1, line));
    lines.map(|(number, line)| (number, line.split("//").next().unwrap_or(line)))
}

/// What follows each `crate::` of a line, up to where the name ends.
fn crate_paths(line: &str) -> impl Iterator<Item = &str> {
    let others = line.match_indices("crate::").filter(|(at, _)| !line[..*at].ends_with('$'));
    others.map(|(at, word)| {
        let rest = &line[at + word.len()..];
        let end = rest.find(|letter: char| !letter.is_alphanumeric() && letter != '_');
        &rest[..end.unwrap_or(rest.len())]
    })
}

fn assert_none(rule: &str, broken: &[String]) {
    assert!(broken.is_empty(), "{rule}:\n  {}", broken.join("\n  "));
}

#[test]
fn modules_use_their_own_floor_and_lower_ones() {
    let mut broken = Vec::new();
    for Source { path, text } in rust(&["src"]) {
        let module = module_of(&path);
        if module == "lib" {
            continue;
        }
        let Some(floor) = floor_of(module) else {
            broken.push(format!("{path}: {module} has no floor in this table"));
            continue;
        };
        for (number, line) in code(&text) {
            for used in crate_paths(line) {
                match floor_of(used) {
                    Some(below) if below <= floor => {}
                    Some(above) => broken.push(format!(
                        "{path}:{number}: {module} is on floor {floor}, {used} on {above}"
                    )),
                    None => broken.push(format!("{path}:{number}: {used:?} has no floor")),
                }
            }
        }
    }
    assert_none("a module uses its own floor and lower ones", &broken);
}

#[test]
fn siblings_form_no_cycles() {
    let mut graph: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for Source { path, text } in rust(&["src"]) {
        // What a unit test brings along is no part of the design.
        if path.ends_with("/tests.rs") || path.contains("/tests/") {
            continue;
        }
        let module = module_of(&path).to_owned();
        let used = code(&text).flat_map(|(_, line)| crate_paths(line)).map(str::to_owned);
        let others: Vec<String> = used.filter(|used| *used != module).collect();
        graph.entry(module).or_default().extend(others);
    }
    // Whoever uses only what was settled before is settled; those that stay wait for each other.
    let mut settled = BTreeSet::new();
    loop {
        let next: Vec<String> = graph
            .iter()
            .filter(|(module, used)| {
                !settled.contains(*module)
                    && used.iter().all(|used| settled.contains(used) || !graph.contains_key(used))
            })
            .map(|(module, _)| module.clone())
            .collect();
        if next.is_empty() {
            break;
        }
        settled.extend(next);
    }
    let waiting: Vec<String> = graph
        .iter()
        .filter(|(module, _)| !settled.contains(*module))
        .map(|(module, used)| format!("{module} uses {used:?}"))
        .collect();
    assert_none("modules form no cycles", &waiting);
}

#[test]
fn files_are_short() {
    let long: Vec<String> = rust(&["src", "tests", "benches"])
        .iter()
        .map(|source| (source.text.lines().count(), &source.path))
        .filter(|(lines, _)| *lines > LINES_MAX)
        .map(|(lines, path)| format!("{path}: {lines} lines"))
        .collect();
    assert_none("a file has at most 500 lines", &long);
}

#[test]
fn modules_have_names() {
    let mut broken = Vec::new();
    for Source { path, .. } in rust(&["src", "tests", "benches"]) {
        let mut parts = path.trim_end_matches(".rs").split('/');
        if parts.any(|part| FORBIDDEN_NAMES.contains(&part)) || path.ends_with("/mod.rs") {
            broken.push(path);
        }
    }
    assert_none("a module is named after its concept, in foo.rs beside foo/", &broken);
}

#[test]
fn nothing_is_left_undone_or_tied_to_a_machine() {
    let mut broken = Vec::new();
    for Source { path, text } in sources(&["src", "tests", "benches", "docs", ".ci"]) {
        if path == "tests/tidy.rs" {
            continue;
        }
        for (number, line) in text.lines().enumerate() {
            for forbidden in FORBIDDEN_TEXTS {
                if line.contains(forbidden) {
                    broken.push(format!("{path}:{}: {forbidden}", number + 1));
                }
            }
        }
    }
    assert_none("no unfinished work, no paths of a machine", &broken);
}

/// Where a file has to be declared: `foo/bar.rs` in `foo.rs`, or in the root of its target.
fn parent_of(path: &str, root: &str) -> String {
    let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
    if root.rsplit_once('/').is_some_and(|(top, _)| top == directory) {
        root.to_owned()
    } else {
        format!("{directory}.rs")
    }
}

#[test]
fn every_file_is_declared() {
    let mut broken = Vec::new();
    for (directory, root) in [("src", "src/lib.rs"), ("tests/it", "tests/it/main.rs")] {
        let files = rust(&[directory]);
        for Source { path, .. } in &files {
            if [root, "src/main.rs"].contains(&path.as_str()) {
                continue;
            }
            let name = path.rsplit_once('/').unwrap().1.trim_end_matches(".rs");
            let parent = parent_of(path, root);
            let declared = files
                .iter()
                .find(|source| source.path == parent)
                .is_some_and(|source| code(&source.text).any(|(_, line)| declares(line, name)));
            if !declared {
                broken.push(format!("{path} is not declared in {parent}"));
            }
        }
    }
    assert_none("a file that nobody declares is never compiled", &broken);
}

fn declares(line: &str, name: &str) -> bool {
    line.trim().strip_suffix(&format!("mod {name};")).is_some_and(|before| {
        before.is_empty() || before.ends_with("pub ") || before.ends_with(") ")
    })
}

#[test]
fn the_rules_see_what_they_are_for() {
    let found: Vec<&str> =
        crate_paths("use crate::id::Seq; $crate::x; f(crate::time::now())").collect();
    assert_eq!(found, ["id", "time"]);
    assert_eq!(code("a // crate::engine").next(), Some((1, "a ")));
    assert_eq!(module_of("src/http/health.rs"), "http");
    assert_eq!(floor_of("engine"), Some(3));
    assert_eq!(parent_of("src/http/tests.rs", "src/lib.rs"), "src/http.rs");
    assert_eq!(parent_of("src/http.rs", "src/lib.rs"), "src/lib.rs");
    assert!(declares("    pub(crate) mod wire;", "wire"));
    assert!(!declares("use wire;", "wire"));
    let Some(missing) = floor_of("nowhere") else { return };
    panic!("a module that does not exist has floor {missing}");
}

#[test]
fn the_readme_and_the_crate_show_the_same_example() {
    let example = |text: &str| {
        let (_, from) = text.split_once("```rust\n").unwrap();
        from.split_once("```").unwrap().0.to_owned()
    };
    let readme = fs::read_to_string(top().join("README.md")).unwrap();
    let lib = fs::read_to_string(top().join("src/lib.rs")).unwrap();
    let docs = lib.lines().map_while(|line| line.strip_prefix("//!"));
    let docs: Vec<&str> = docs.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
    assert_eq!(example(&readme), example(&docs.join("\n")));
}
