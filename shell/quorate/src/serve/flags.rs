//! Reads a command line and an environment as etcd does: one dash or two, `-flag value` or `-flag=value`, switches alone or
//! with `=true|false`, and `ETCD_*` variables below the flags.
//!
//! Knows which flags exist (`known`); does not know what their values mean.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

use thiserror::Error;

use super::known::{self, Effect, Known};
use super::nearest::nearest;

/// Why a command line or an environment can't be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum FlagError {
    /// Nobody knows that flag.
    #[error("unknown flag --{name}{}", meant.as_ref().map_or_else(|| ": see `quorate serve --help`".to_owned(), |meant| format!(": did you mean --{meant}?")))]
    Unknown {
        /// As given, without dashes.
        name: String,
        /// The known flag that looks most like it.
        meant: Option<String>,
    },
    /// A word that belongs to no flag.
    #[error("{0:?} is not a flag; a switch takes its value with =, as in --pre-vote=true")]
    NotAFlag(String),
    /// The last flag needs a value.
    #[error("{0} needs a value")]
    NoValue(String),
    /// A switch with something else than true or false.
    #[error("{name}={value:?} must be true or false")]
    NotABool {
        /// The flag or variable.
        name: String,
        /// What was given.
        value: String,
    },
    /// Ignoring it would serve something else than what was asked for.
    #[error("{name} {because}")]
    Refused {
        /// The flag or variable.
        name: String,
        /// The rest of the sentence.
        because: &'static str,
    },
    /// Bytes that are no text.
    #[error("{0:?} is not UTF-8 text")]
    NotText(OsString),
}

/// What a command line asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Request {
    /// `--help`
    Help,
    /// `--version`
    Version,
    /// Run with these flags.
    Serve(Flags),
}

/// Values by flag, the command line's above the environment's, and what to warn about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Flags {
    values: BTreeMap<&'static str, Given>,
    /// One sentence each.
    pub(crate) warnings: Vec<String>,
}

/// One value and where it is from.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Given {
    value: String,
    /// `--data-dir` or `ETCD_DATA_DIR`.
    from: String,
}

impl Flags {
    /// The value of a flag that is in force, unless it was not given.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(|given| given.value.as_str())
    }

    /// How the operator wrote the name: the flag, or the variable.
    pub(crate) fn origin(&self, name: &str) -> String {
        self.values.get(name).map_or_else(|| format!("--{name}"), |given| given.from.clone())
    }

    /// Takes a value in, by what its flag does here.
    fn set(&mut self, known: Known, value: String, from: String) -> Result<(), FlagError> {
        let value = if known.boolean { canonical_bool(&from, &value)? } else { value };
        match known.effect {
            Effect::InForce => {
                self.values.insert(known.name, Given { value, from });
            }
            Effect::Without { anyway } if value == anyway => {}
            Effect::Without { .. } => self.warnings.push(format!("{from} is etcd's and has no effect in Quorate")),
            Effect::Refused { off, .. } if value == off || value.is_empty() => {}
            Effect::Refused { because, .. } => return Err(FlagError::Refused { name: from, because }),
        }
        Ok(())
    }
}

/// Reads the words after `serve`, and the environment.
pub(crate) fn read(arguments: &[OsString], environment: &[(OsString, OsString)]) -> Result<Request, FlagError> {
    let mut flags = Flags::default();
    let mut on_command_line = Vec::new();
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        let word = text(word)?;
        let Some(flag) = word.strip_prefix("--").or_else(|| word.strip_prefix('-')).filter(|rest| !rest.is_empty())
        else {
            return Err(FlagError::NotAFlag(word.to_owned()));
        };
        let (name, value) = flag.split_once('=').map_or((flag, None), |(name, value)| (name, Some(value)));
        match name {
            "help" | "h" => return Ok(Request::Help),
            "version" => return Ok(Request::Version),
            _ => {}
        }
        let known = known::find(name).ok_or_else(|| unknown(name))?;
        let value = match value {
            Some(value) => value.to_owned(),
            None if known.boolean => "true".to_owned(),
            None => text(words.next().ok_or_else(|| FlagError::NoValue(format!("--{name}")))?)?.to_owned(),
        };
        on_command_line.push(known.name);
        flags.set(known, value, format!("--{name}"))?;
    }
    read_environment(&mut flags, &on_command_line, environment)?;
    Ok(Request::Serve(flags))
}

/// Variables fill in what no flag has said. An empty one counts as unset, and an unknown one is only warned about, as in etcd:
/// container platforms set some (`ETCD_PORT`) for reasons of their own.
fn read_environment(
    flags: &mut Flags,
    on_command_line: &[&str],
    environment: &[(OsString, OsString)],
) -> Result<(), FlagError> {
    let mut variables: BTreeMap<String, Known> =
        known::all().map(|known| (known::variable(known.name), known)).collect();
    for (name, value) in environment {
        let Some(name) = name.to_str().filter(|name| name.starts_with("ETCD_")) else { continue };
        if value.is_empty() {
            continue;
        }
        match variables.remove(name) {
            Some(known) if on_command_line.contains(&known.name) => {
                flags.warnings.push(format!("{name} is not used: --{} on the command line wins", known.name));
            }
            Some(known) => flags.set(known, text(value)?.to_owned(), name.to_owned())?,
            None => flags.warnings.push(format!("{name} looks like a setting of etcd's, but is not known")),
        }
    }
    Ok(())
}

fn unknown(name: &str) -> FlagError {
    let listed = known::all().map(|known| known.name).filter(|name| *name != known::PARENT_PIPE);
    FlagError::Unknown { name: name.to_owned(), meant: nearest(name, listed).map(str::to_owned) }
}

/// The spellings that etcd's flag reader takes.
fn canonical_bool(name: &str, value: &str) -> Result<String, FlagError> {
    match value {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok("true".to_owned()),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok("false".to_owned()),
        _ => Err(FlagError::NotABool { name: name.to_owned(), value: value.to_owned() }),
    }
}

fn text(word: &OsStr) -> Result<&str, FlagError> {
    word.to_str().ok_or_else(|| FlagError::NotText(word.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_words(words: &[&str], environment: &[(&str, &str)]) -> Result<Request, FlagError> {
        let words: Vec<OsString> = words.iter().map(Into::into).collect();
        let environment: Vec<(OsString, OsString)> = environment.iter().map(|(k, v)| (k.into(), v.into())).collect();
        read(&words, &environment)
    }

    fn flags(words: &[&str], environment: &[(&str, &str)]) -> Flags {
        match read_words(words, environment) {
            Ok(Request::Serve(flags)) => flags,
            other => panic!("{words:?} gave {other:?}"),
        }
    }

    fn refusal(words: &[&str], environment: &[(&str, &str)]) -> String {
        read_words(words, environment).expect_err("refused").to_string()
    }

    #[test]
    fn every_way_to_write_a_value() {
        for words in
            [["--name", "n1"].as_slice(), &["-name", "n1"], &["--name=n1"], &["-name=n1"], &["--name", "x", "-name=n1"]]
        {
            assert_eq!(flags(words, &[]).value("name"), Some("n1"), "{words:?}");
        }
        assert_eq!(flags(&["--initial-cluster=n1=http://a:1"], &[]).value("initial-cluster"), Some("n1=http://a:1"));
        assert_eq!(flags(&["--name", "--odd"], &[]).value("name"), Some("--odd"));
    }

    #[test]
    fn a_flag_wins_over_its_variable_and_says_so() {
        let both = flags(&["--name=flag"], &[("ETCD_NAME", "variable"), ("ETCD_DATA_DIR", "d"), ("NAME", "other")]);
        assert_eq!((both.value("name"), both.value("data-dir")), (Some("flag"), Some("d")));
        assert_eq!((both.origin("name").as_str(), both.origin("data-dir").as_str()), ("--name", "ETCD_DATA_DIR"));
        assert_eq!(both.warnings, ["ETCD_NAME is not used: --name on the command line wins"]);
        assert_eq!(flags(&[], &[("ETCD_NAME", "")]), Flags::default());
    }

    #[test]
    fn switches_never_take_the_next_word() {
        for (word, expected) in
            [("--enable-v2", 1), ("--enable-v2=true", 1), ("-enable-v2=T", 1), ("--enable-v2=false", 0)]
        {
            assert_eq!(flags(&[word], &[]).warnings.len(), expected, "{word}");
        }
        assert_eq!(
            refusal(&["--enable-v2", "true"], &[]),
            "\"true\" is not a flag; a switch takes its value with =, as in --pre-vote=true"
        );
        assert_eq!(refusal(&["--enable-v2=yes"], &[]), "--enable-v2=\"yes\" must be true or false");
    }

    #[test]
    fn etcds_other_flags_are_accepted_with_a_warning() {
        let kubeadm = ["--listen-metrics-urls=http://127.0.0.1:2381", "--feature-gates=InitialCorruptCheck=true"];
        assert_eq!(
            flags(&kubeadm, &[("ETCD_WAL_DIR", "w")]).warnings,
            [
                "--listen-metrics-urls is etcd's and has no effect in Quorate",
                "--feature-gates is etcd's and has no effect in Quorate",
                "ETCD_WAL_DIR is etcd's and has no effect in Quorate",
            ]
        );
        assert_eq!(flags(&["--pre-vote=true", "--auto-compaction-retention", "0"], &[]).warnings, [] as [String; 0]);
        assert_eq!(flags(&["--pre-vote=false"], &[]).warnings.len(), 1);
    }

    #[test]
    fn what_asks_for_protection_is_refused_unless_it_is_off() {
        for words in
            [["--cert-file=a.pem"].as_slice(), &["--client-cert-auth"], &["--peer-key-file", "b"], &["--auto-tls=1"]]
        {
            assert!(refusal(words, &[]).contains("asks for TLS"), "{words:?}");
        }
        assert!(refusal(&[], &[("ETCD_TRUSTED_CA_FILE", "ca.pem")]).starts_with("ETCD_TRUSTED_CA_FILE asks for TLS"));
        let off = [
            "--client-cert-auth=false",
            "--cert-file=",
            "--force-new-cluster=false",
            "--host-whitelist=*",
            "--proxy=off",
        ];
        assert_eq!(flags(&off, &[]), Flags::default());
        assert!(refusal(&["--host-whitelist=localhost"], &[]).contains("restricts who may ask"));
        assert!(refusal(&["--config-file", "etcd.yml"], &[]).contains("give them as flags"));
    }

    #[test]
    fn unknown_flags_name_the_nearest() {
        for (word, meant) in [
            ("--listen-clients-urls=x", "listen-client-urls"),
            ("--datadir", "data-dir"),
            ("-initial-clutser", "initial-cluster"),
            ("--peer-cert-fil", "peer-cert-file"),
        ] {
            assert!(refusal(&[word], &[]).ends_with(&format!(": did you mean --{meant}?")), "{word}");
        }
        assert_eq!(refusal(&["--zzzzzzzzzzz"], &[]), "unknown flag --zzzzzzzzzzz: see `quorate serve --help`");
        assert!(refusal(&["start"], &[]).starts_with("\"start\" is not a flag"));
        assert_eq!(refusal(&["--data-dir"], &[]), "--data-dir needs a value");
        assert_eq!(
            flags(&[], &[("ETCD_PORT", "1")]).warnings,
            ["ETCD_PORT looks like a setting of etcd's, but is not known"]
        );
    }

    #[test]
    fn help_and_version_win_over_what_follows() {
        for word in ["--help", "-help", "-h", "--h"] {
            assert_eq!(read_words(&[word, "--zzz"], &[]), Ok(Request::Help), "{word}");
        }
        assert_eq!(read_words(&["--name", "x", "-version"], &[]), Ok(Request::Version));
    }
}
