//! `tutti config`: prints the configuration's reference; the guide in docs/ is generated from it.
//!
//! Invariant: docs/guides/configuration.md matches the code; a test fails if it doesn't.

use base::config::Section;

use crate::terminal::say;
use crate::{CommandError, roles, settings};

/// Prints a configuration file with every key at its default.
#[allow(clippy::unnecessary_wraps, reason = "every command may fail")]
pub(crate) fn print() -> Result<(), CommandError> {
    say!(
        "# Every key of Tutti's configuration, at its default. Keys can also be set in the environment or with --set.\n"
    );
    for section in sections() {
        say!("# {}\n{}", section.about(), section.toml());
    }
    say!("{PEERS}");
    Ok(())
}

const PEERS: &str = concat!(
    "# The URLs of roles that don't run in this process: one URL, or a list of URLs. A host name may have several\n",
    "# addresses.\n",
    "[peers]\n",
    "# media = [\"http://10.0.0.7:8080\", \"http://10.0.0.8:8080\"]",
);

pub(crate) fn sections() -> Vec<Section> {
    let mut sections = settings::sections();
    sections.extend(boot::sections());
    sections.extend(roles::all().iter().flat_map(|service| (service.sections)()));
    sections
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const INTRODUCTION: &str = "# Configuration

Generated from the code by `UPDATE=1 cargo test --package tutti --bin tutti reference`; a test fails if it is stale.

A key can come from a TOML file (`--config tutti.toml`, or `TUTTI_CONFIG`), from the environment and from the command
line; later ones win. `photo_max_bytes` of `[media]` is

```
[media]                                        in the file
photo_max_bytes = 50000000

TUTTI_MEDIA_PHOTO_MAX_BYTES=50000000           in the environment
--set media.photo_max_bytes=50000000           on the command line
```

An unknown key is an error that names it, so a typing mistake is never ignored. The processes of a fleet share one
file: each reads the sections of the roles that it runs, and needs `[peers]` for the others. Secrets belong in files
(`url_file`, `…_key_file`) or in the environment. `tutti config` prints everything below as one file.
";

    fn guide() -> String {
        let chapters = sections().into_iter().map(|section| {
            format!("\n## [{}]\n\n{}\n\n```toml\n{}```\n", section.name(), section.about(), section.toml())
        });
        let peers = format!("\n## [peers]\n\n```toml\n{PEERS}\n```\n");
        [INTRODUCTION.to_owned()].into_iter().chain(chapters).chain([peers]).collect()
    }

    #[test]
    fn the_guide_is_what_the_code_says() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/guides/configuration.md");
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&path, guide()).unwrap();
        }
        let written = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            written == guide(),
            "docs/guides/configuration.md is stale: type `UPDATE=1 cargo test --package tutti --bin tutti reference`"
        );
    }

    #[test]
    fn an_error_recommends_a_key_that_exists() {
        let said = base::config::Error::NotAnAssignment("nonsense".into()).to_string();
        let (path, _) = said.rsplit("--set ").next().unwrap().split_once('=').unwrap();
        let (name, key) = path.split_once('.').unwrap();
        let known =
            sections().iter().any(|section| section.name() == name && section.toml().contains(&format!("\n{key} = ")));
        assert!(known, "{said}");
    }

    #[test]
    fn every_key_says_what_it_means_and_every_default_is_taken() {
        for section in sections() {
            let text = section.toml();
            let lines: Vec<&str> = text.lines().collect();
            for (at, line) in
                lines.iter().enumerate().skip(1).filter(|(_, line)| !line.starts_with('#') || line.ends_with(" = …"))
            {
                assert!(
                    lines[at - 1].starts_with("# ") && !lines[at - 1].ends_with(" = …"),
                    "[{}] {line}: it has no description",
                    section.name()
                );
            }
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        let text: String = sections().iter().map(Section::toml).collect();
        std::fs::write(file.path(), text).unwrap();
        let flags = crate::cli::Settings { data: None, config: Some(file.path().to_owned()), set: Vec::new() };
        settings::installation(&flags).unwrap();
    }
}
