//! The command line as it is typed.

use clap::error::ErrorKind;

use super::*;

fn read(line: &str) -> Result<CommandLine, clap::Error> {
    CommandLine::read(line.split_whitespace().map(OsString::from))
}

#[test]
fn the_command_line_is_sound() {
    CommandLine::command().debug_assert();
}

#[test]
fn no_command_means_to_serve_and_takes_the_same_flags() {
    for line in [
        "countersign --listen 127.0.0.1:1 --keys-dir k",
        "countersign serve --listen 127.0.0.1:1 --keys-dir k",
    ] {
        let line = read(line).unwrap();
        let expected = [("listen", "127.0.0.1:1".to_owned()), ("keys_dir", "k".to_owned())];
        assert_eq!(line.global.flags(), expected);
        assert!(matches!(line.command, None | Some(Command::Serve)));
    }
}

#[test]
fn every_flag_is_a_setting_of_its_name() {
    let known: Vec<_> = crate::settings::table().map(|setting| setting.name).collect();
    let line = "countersign --listen a --metrics-listen b --issuer c --database-url d --redis-url e --keys-dir f";
    let flags = read(line).unwrap().global.flags();
    assert_eq!(flags.len(), 6);
    assert!(
        flags
            .iter()
            .all(|(name, _)| known.contains(name) && line.contains(&format!("--{}", name.replace('_', "-"))))
    );
}

#[test]
fn every_command_has_an_example() {
    fn visit(command: &clap::Command) {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        assert!(help.contains("Example"), "{} has no example", command.get_name());
        command.get_subcommands().for_each(visit);
    }
    visit(&CommandLine::command());
}

#[test]
fn every_example_can_be_read() {
    fn visit(command: &clap::Command, examples: &mut Vec<String>) {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let lines = help
            .lines()
            .filter_map(|line| Some(format!("countersign{}", line.split_once("countersign")?.1)));
        // A description follows after three spaces; `<`, `>` and `|` begin shell syntax.
        let plain = lines.map(|line| {
            line.split("   ")
                .next()
                .unwrap()
                .split(['<', '>', '|'])
                .next()
                .unwrap()
                .to_owned()
        });
        examples.extend(plain.filter(|line| !line.contains('"')));
        command.get_subcommands().for_each(|inner| visit(inner, examples));
    }
    let mut examples = Vec::new();
    visit(&CommandLine::command(), &mut examples);
    assert!(examples.len() > 25, "{examples:?}");
    for example in examples {
        assert!(read(&example).is_ok(), "{example}: {}", read(&example).err().unwrap());
    }
}

#[test]
fn what_does_not_go_together_is_wrong_usage() {
    let lines = [
        "countersign keys rotate --activate --wait",
        "countersign sessions revoke",
        "countersign sessions revoke --all a@b.example 0198c5a0-7e1c-7000-8000-000000000000",
        "countersign sessions revoke 17",
        "countersign users grant a@b.example",
        "countersign users create a@b.example --password hunter2",
        "countersign token issue a@b.example --ttl 5",
        "countersign settings --reference --json",
        "countersign dev --database-url postgres://a@b/c",
        "countersign dev --config countersign.toml",
        "countersign serv",
    ];
    for line in lines {
        assert_eq!(read(line).err().map(|error| error.exit_code()), Some(2), "{line}");
    }
    assert_eq!(
        read("countersign --help").err().map(|error| error.kind()),
        Some(ErrorKind::DisplayHelp)
    );
}

#[test]
fn a_server_is_known_before_its_command_line_is_read() {
    for line in [
        "countersign",
        "countersign serve",
        "countersign --config a.toml",
        "countersign serve --listen 127.0.0.1:0",
    ] {
        assert!(serves(line.split(' ').map(Into::into)), "{line}");
    }
    for command in CommandLine::command().get_subcommands() {
        let line = ["countersign", "--json", command.get_name()];
        let is_server = command.get_name() == "serve";
        assert_eq!(serves(line.map(Into::into)), is_server, "{}", command.get_name());
    }
}

#[test]
fn the_summary_of_every_command_is_one_sentence() {
    fn visit(command: &clap::Command) {
        let summary = command.get_about().map(ToString::to_string).unwrap_or_default();
        // A second sentence that is not in its own paragraph becomes part of the summary.
        assert!(
            summary.split(' ').skip(1).all(|word| !["A", "The"].contains(&word)) && !summary.contains(". "),
            "{}: {summary}",
            command.get_name()
        );
        command.get_subcommands().for_each(visit);
    }
    visit(&CommandLine::command());
}

#[test]
fn a_new_account_is_named_by_its_email_address_only() {
    let mut command = CommandLine::command();
    command.build();
    let users = command.find_subcommand_mut("users").unwrap();
    for (name, argument) in [
        ("create", "<EMAIL>"),
        ("invite", "<EMAIL>"),
        ("show", "<EMAIL|ID>"),
        ("set-password", "<EMAIL|ID>"),
    ] {
        let usage = users.find_subcommand_mut(name).unwrap().render_usage().to_string();
        assert!(usage.ends_with(argument), "{name}: {usage}");
    }
}

#[test]
fn completions_name_the_commands() {
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        let script = String::from_utf8(completions(shell)).unwrap();
        assert!(script.contains("set-password") && script.contains("rotate"), "{shell}");
    }
}
