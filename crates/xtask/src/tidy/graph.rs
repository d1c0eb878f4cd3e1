//! Which crate may stand on which: the picture of ARCHITECTURE.md, as a check.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::Finding;

/// What each of our crates may depend on, of our own. Tests may use `parlor-testkit` as well.
const DIRECTIONS: &[(&str, &[&str])] = &[
    ("parlor-protocol", &[]),
    ("parlor-room", &["parlor-protocol"]),
    ("parlor-dialects", &["parlor-protocol"]),
    ("parlor-store", &["parlor-protocol"]),
    ("parlor-tenure", &[]),
    ("parlor-testkit", &["parlor-protocol", "parlor-room", "parlor-dialects"]),
    (
        "parlor-server",
        &["parlor-protocol", "parlor-room", "parlor-dialects", "parlor-store", "parlor-tenure"],
    ),
    ("parlor-chaos", &["parlor-protocol", "parlor-store", "parlor-testkit"]),
    ("xtask", &[]),
];

/// Crates that do no IO, read no clock and draw no random number.
const PURE: &[&str] = &["parlor-protocol", "parlor-room", "parlor-dialects", "parlor-tenure"];

/// What must not be anywhere below a pure crate.
const IO: &[&str] = &[
    "async-std",
    "getrandom",
    "hyper",
    "io-uring",
    "libc",
    "mio",
    "nix",
    "rand",
    "reqwest",
    "rustix",
    "sea-orm",
    "smol",
    "socket2",
    "sqlx",
    "tokio",
];

/// What must not be anywhere at all, and why.
const BANNED: &[(&str, &str)] =
    &[("openssl-sys", "one TLS backend: rustls"), ("native-tls", "one TLS backend: rustls")];

/// What `cargo metadata` says, as far as it matters here.
#[derive(Deserialize)]
pub struct Metadata {
    packages: Vec<Package>,
    workspace_members: Vec<String>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<DependencyKind>,
}

#[derive(Deserialize)]
struct DependencyKind {
    /// `null` is a normal dependency, the others are `dev` and `build`.
    kind: Option<String>,
}

impl Dependency {
    fn is_normal(&self) -> bool {
        self.dep_kinds.iter().any(|kind| kind.kind.is_none())
    }
}

/// Checks directions, purity and bans.
pub fn check(metadata: &Metadata) -> Vec<Finding> {
    let names: BTreeMap<&str, &str> =
        metadata.packages.iter().map(|p| (p.id.as_str(), p.name.as_str())).collect();
    let nodes: BTreeMap<&str, &Node> =
        metadata.resolve.nodes.iter().map(|node| (node.id.as_str(), node)).collect();
    let members: BTreeSet<&str> = metadata.workspace_members.iter().map(String::as_str).collect();

    let mut findings = Vec::new();
    for id in &members {
        let name = names[id];
        let Some((_, allowed)) = DIRECTIONS.iter().find(|(of, _)| *of == name) else {
            findings.push(Finding::error(name, 0, "has no place in xtask's table of directions"));
            continue;
        };
        for dependency in &nodes[id].deps {
            let on = names[dependency.pkg.as_str()];
            if !members.contains(dependency.pkg.as_str()) || allowed.contains(&on) {
                continue;
            }
            if dependency.is_normal() || on != "parlor-testkit" {
                findings.push(Finding::error(name, 0, format!("must not depend on {on}")));
            }
        }
        if PURE.contains(&name) {
            for below in below(id, &nodes).iter().map(|id| names[id]) {
                if IO.contains(&below) {
                    findings.push(Finding::error(
                        name,
                        0,
                        format!("is pure, yet {below} is below it"),
                    ));
                }
            }
        }
    }
    for package in &metadata.packages {
        if let Some((name, why)) = BANNED.iter().find(|(name, _)| *name == package.name)
            && nodes.contains_key(package.id.as_str())
        {
            findings.push(Finding::error(name, 0, format!("is not to be linked: {why}")));
        }
    }
    findings
}

/// Everything a crate links, itself left out.
fn below<'a>(of: &'a str, nodes: &BTreeMap<&'a str, &'a Node>) -> BTreeSet<&'a str> {
    let mut seen = BTreeSet::new();
    let mut open = vec![of];
    while let Some(id) = open.pop() {
        for dependency in nodes[id].deps.iter().filter(|dependency| dependency.is_normal()) {
            if seen.insert(dependency.pkg.as_str()) {
                open.push(&dependency.pkg);
            }
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A crate and what it depends on, with the kind of each dependency.
    type Crate<'a> = (&'a str, &'a [(&'a str, Option<&'a str>)]);

    /// Builds metadata; the crates named like ours are members.
    fn metadata(crates: &[Crate<'_>]) -> Metadata {
        let node = |(name, deps): &Crate<'_>| Node {
            id: (*name).to_owned(),
            deps: deps
                .iter()
                .map(|(on, kind)| Dependency {
                    pkg: (*on).to_owned(),
                    dep_kinds: vec![DependencyKind { kind: kind.map(str::to_owned) }],
                })
                .collect(),
        };
        let ours = |name: &str| name.starts_with("parlor-");
        Metadata {
            packages: crates
                .iter()
                .map(|(name, _)| Package { id: (*name).to_owned(), name: (*name).to_owned() })
                .collect(),
            workspace_members: crates
                .iter()
                .filter(|(name, _)| ours(name))
                .map(|(name, _)| (*name).to_owned())
                .collect(),
            resolve: Resolve { nodes: crates.iter().map(node).collect() },
        }
    }

    fn said(crates: &[Crate<'_>]) -> Vec<String> {
        check(&metadata(crates)).into_iter().map(|f| format!("{} {}", f.place, f.what)).collect()
    }

    #[test]
    fn a_crate_may_stand_on_those_below_it() {
        assert!(
            said(&[
                ("parlor-room", &[("parlor-protocol", None), ("serde", None)]),
                ("parlor-protocol", &[("serde", None)]),
                ("serde", &[]),
            ])
            .is_empty()
        );
    }

    #[test]
    fn the_cores_meet_only_in_the_server() {
        assert_eq!(
            said(&[("parlor-room", &[("parlor-store", None)]), ("parlor-store", &[])]),
            ["parlor-room must not depend on parlor-store"]
        );
    }

    #[test]
    fn tests_may_use_the_testkit_and_nothing_else_beside_the_table() {
        assert_eq!(
            said(&[
                (
                    "parlor-dialects",
                    &[("parlor-testkit", Some("dev")), ("parlor-store", Some("dev"))]
                ),
                ("parlor-tenure", &[]),
                ("parlor-testkit", &[]),
                ("parlor-store", &[]),
            ]),
            ["parlor-dialects must not depend on parlor-store"]
        );
    }

    #[test]
    fn io_is_found_however_deep_it_lies_below_a_pure_crate() {
        assert_eq!(
            said(&[
                ("parlor-protocol", &[("innocent", None)]),
                ("innocent", &[("tokio", None)]),
                ("tokio", &[]),
            ]),
            ["parlor-protocol is pure, yet tokio is below it"]
        );
    }

    #[test]
    fn what_only_tests_or_build_scripts_link_is_not_below_a_crate() {
        assert!(
            said(&[
                ("parlor-protocol", &[("rand", Some("dev")), ("tokio", Some("build"))]),
                ("rand", &[]),
                ("tokio", &[]),
            ])
            .is_empty()
        );
    }

    #[test]
    fn openssl_is_refused_wherever_it_comes_from() {
        assert_eq!(
            said(&[("parlor-server", &[("openssl-sys", None)]), ("openssl-sys", &[])]),
            ["openssl-sys is not to be linked: one TLS backend: rustls"]
        );
    }

    #[test]
    fn a_new_crate_needs_a_place_in_the_table() {
        assert_eq!(
            said(&[("parlor-attic", &[])]),
            ["parlor-attic has no place in xtask's table of directions"]
        );
    }
}
