//! The command line.

// This is the one place that speaks to the person at the terminal.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::ffi::OsString;
use std::future::Future;
use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use crate::admin::Order;
use crate::config::settings::{Form, SETTINGS};
use crate::config::{self, Config, Flags, SocketSettings, Values, example, sources};
use crate::running::{self, Running, StartError};
use crate::tls::{announcement, self_signed};
use crate::{conformance, documents, healthcheck, process, telemetry, tls};

/// Runs the program with these arguments, the first being its own name.
pub fn run(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let matches = match command().try_get_matches_from(arguments) {
        Ok(matches) => matches,
        Err(error) => {
            // Help and version come this way too, with the exit code that belongs to them.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let outcome = match matches.subcommand() {
        Some(("serve", matches)) => serve(&flags(matches)),
        Some(("migrate", matches)) => migrate(&flags(matches)),
        Some(("admin", matches)) => admin(matches),
        Some(("config", matches)) => config(matches),
        Some(("healthcheck", matches)) => healthcheck(&flags(matches)),
        Some(("openapi", _)) => say(documents::openapi_text()),
        Some(("asyncapi", _)) => say(documents::asyncapi_text()),
        Some(("roles", _)) => say(&documents::roles_text()),
        Some(("conformance", matches)) => conform(matches),
        _ => Err(vec!["Say what to do: `parlor serve` starts the server.".to_owned()]),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(problems) => {
            for problem in problems {
                eprintln!("parlor: {problem}");
            }
            ExitCode::FAILURE
        }
    }
}

type Outcome = Result<(), Vec<String>>;

fn say(text: &str) -> Outcome {
    print!("{text}");
    Ok(())
}

fn command() -> Command {
    let serve = with_settings(Command::new("serve").about("Starts the server"));
    let migrate = Command::new("migrate").about("Brings the database to this version");
    let healthcheck = Command::new("healthcheck")
        .about("Asks the server that runs with this configuration whether it is ready");
    let example = Command::new("example").about("Writes an example with every setting").arg(
        Arg::new("form").value_parser(["env", "toml"]).required(true).help("What kind of file"),
    );
    let check = Command::new("check").about("Says what is wrong with the configuration");
    let print =
        Command::new("print").about("Writes the configuration in force, and who set it").arg(
            Arg::new("redacted")
                .long("redacted")
                .action(ArgAction::SetTrue)
                .help("Leaves secrets out"),
        );
    let config = Command::new("config")
        .about("Checks, prints or explains the configuration")
        .subcommand_required(true)
        .subcommand(with_settings(check))
        .subcommand(with_settings(print))
        .subcommand(example);
    Command::new("parlor")
        .about("Rooms where people watch and listen together, to the same moment")
        .version(env!("CARGO_PKG_VERSION"))
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(serve)
        .subcommand(with_settings(migrate))
        .subcommand(config)
        .subcommand(admin_command())
        .subcommand(with_settings(healthcheck))
        .subcommand(Command::new("openapi").about("Writes the document of the HTTP interface"))
        .subcommand(Command::new("roles").about("Writes who may do what in a room, as JSON"))
        .subcommand(
            Command::new("conformance")
                .about("Answers the test suites of Engine.IO and Socket.IO")
                .hide(true)
                .arg(
                    Arg::new("port")
                        .long("port")
                        .default_value(conformance::PORT)
                        .value_parser(value_parser!(u16)),
                )
                .arg(
                    Arg::new("usual-times")
                        .long("usual-times")
                        .action(ArgAction::SetTrue)
                        .help("Pings as `serve` does, not as the suites expect"),
                ),
        )
        .subcommand(Command::new("asyncapi").about("Writes the document of sockets and streams"))
}

fn admin_command() -> Command {
    let name = || Arg::new("name").required(true).help("User name or e-mail address");
    let password = || {
        Arg::new("password-stdin")
            .long("password-stdin")
            .action(ArgAction::SetTrue)
            .help("Reads the password from standard input; without, one is made up and shown once")
    };
    let create = Command::new("create")
        .about("Makes an account")
        .arg(Arg::new("username").required(true).help("4 to 40 letters, digits, dots, dashes"))
        .arg(Arg::new("email").required(true))
        .arg(Arg::new("admin").long("admin").action(ArgAction::SetTrue).help("Runs the site"))
        .arg(password())
        .arg(
            Arg::new("hash-stdin")
                .long("hash-stdin")
                .action(ArgAction::SetTrue)
                .conflicts_with("password-stdin")
                .help("Reads the password's bcrypt or Argon2id hash from standard input"),
        );
    let reset = Command::new("reset-password")
        .about("Sets another password and ends all logins")
        .arg(name())
        .arg(password());
    let user = Command::new("user")
        .about("Accounts, whether the server runs or not")
        .subcommand_required(true)
        .subcommand(with_settings(create))
        .subcommand(with_settings(Command::new("list").about("Lists all accounts")))
        .subcommand(with_settings(
            Command::new("disable").about("Keeps somebody out, within seconds").arg(name()),
        ))
        .subcommand(with_settings(
            Command::new("enable").about("Lets somebody in again").arg(name()),
        ))
        .subcommand(with_settings(reset));
    Command::new("admin")
        .about("What whoever runs the site may do")
        .subcommand_required(true)
        .subcommand(user)
}

/// Gives a command a flag for every setting.
fn with_settings(command: Command) -> Command {
    let file = Arg::new("config-file")
        .long("config")
        .value_name("FILE")
        .value_parser(value_parser!(PathBuf))
        .help("Reads the configuration from this file instead of parlor.toml");
    SETTINGS.iter().fold(command.arg(file), |command, setting| {
        let help: Vec<&str> = setting.doc.iter().map(|line| line.trim()).collect();
        let arg = Arg::new(setting.key).long(setting.flag()).help(format!(
            "{} [env: {}]",
            help.join(" "),
            setting.env()
        ));
        command.arg(match setting.form {
            Form::List => arg.action(ArgAction::Append).value_name("LIST"),
            Form::Switch => arg
                .num_args(0..=1)
                .require_equals(true)
                .default_missing_value("true")
                .value_name("true|false"),
            Form::Number => arg.value_name("NUMBER"),
            Form::Text | Form::Secret => arg.value_name("TEXT"),
        })
    })
}

fn flags(matches: &ArgMatches) -> Flags {
    let mut flags =
        Flags { file: matches.get_one::<PathBuf>("config-file").cloned(), ..Flags::default() };
    for setting in SETTINGS {
        if let Some(values) = matches.get_many::<String>(setting.key) {
            let values: Vec<&str> = values.map(String::as_str).collect();
            flags.values.insert(setting.key, values.join(","));
        }
    }
    flags
}

fn load(flags: &Flags) -> Result<(Config, Values), Vec<String>> {
    for name in sources::unknown_names(std::env::vars().map(|(name, _)| name)) {
        eprintln!("parlor: {name} is in the environment, but there is no such setting.");
    }
    Config::load(flags)
}

fn serve(flags: &Flags) -> Outcome {
    let (config, _) = load(flags)?;
    run_server(config)
}

fn conform(matches: &ArgMatches) -> Outcome {
    let folder = conformance::Folder::of_this_process();
    let port = matches.get_one::<u16>("port").copied().unwrap_or_default();
    let times = match matches.get_flag("usual-times") {
        true => SocketSettings::default(),
        false => SocketSettings::conformance(),
    };
    run_server(conformance::config(port, folder.path(), times)?)
}

fn run_server(config: Config) -> Outcome {
    telemetry::install_log(&config.log).map_err(|sentence| vec![sentence])?;
    process::pin_allocator();
    process::raise_file_limit();
    if config.insecure_no_rate_limits {
        tracing::warn!("rate limits are lifted: anybody may ask for as much as they like");
    }
    block_on(async {
        let stop = stop_signal()?;
        let running = Running::start(config).await?;
        print!("{}", greeting(&running).await);
        stop.await;
        tracing::info!("stopping: telling everybody to come back");
        running.stop().await;
        Ok(())
    })
}

/// Says where the server is, and how its own certificate is known.
async fn greeting(running: &Running) -> String {
    let config = &running.app().config;
    let is_any_port = config.listen.iter().any(|on| on.address.port() == 0);
    let own = match running.addresses().first() {
        Some(first) if is_any_port => format!("{}://localhost:{}", config.scheme(), first.port()),
        Some(_) | None => config.address_to_open(),
    };
    let mut ready = format!("Parlor {} is ready: {own}\n", env!("CARGO_PKG_VERSION"));
    match first_link(running).await {
        Ok(None) => {}
        Ok(Some(path)) => {
            ready += &format!(
                "Nobody runs this site yet. Whoever opens this first does, within a day:\n  \
                 {own}{path}\n"
            );
        }
        Err(error) => tracing::warn!(%error, "no link for whoever is to run the site"),
    }
    match running.tls() {
        Some(tls) if config.tls == config::Tls::SelfSigned => {
            let machine = self_signed::machine_addresses();
            let others = announcement::address_for_others(config, running.addresses(), &machine);
            let is_terminal = std::io::stdout().is_terminal();
            let fingerprint = tls.fingerprint();
            ready + &announcement::text(&own, others.as_deref(), &fingerprint, is_terminal)
        }
        Some(_) | None => ready,
    }
}

/// Makes the link for the first who runs the site, if this process has pages.
async fn first_link(running: &Running) -> Result<Option<String>, parlor_store::StoreError> {
    let app = running.app();
    if app.config.is_api() { app.mail.first_link().await } else { Ok(None) }
}

fn migrate(flags: &Flags) -> Outcome {
    let (config, _) = load(flags)?;
    block_on(async {
        let store = running::open_store(&config).await?;
        println!("The database is at this version.");
        store.close().await.map_err(|error| StartError(format!("The database: {error}.")))
    })
}

fn admin(matches: &ArgMatches) -> Outcome {
    let Some((what, matches)) = matches.subcommand_matches("user").and_then(|it| it.subcommand())
    else {
        return Err(vec!["Say what to do: `parlor admin user list`.".to_owned()]);
    };
    let text = |key: &str| matches.get_one::<String>(key).cloned().unwrap_or_default();
    let order = match what {
        "create" => Order::Create {
            username: text("username"),
            email: text("email"),
            password: password(matches)?,
            is_hash: matches.get_flag("hash-stdin"),
            is_admin: matches.get_flag("admin"),
        },
        "disable" | "enable" => Order::Disable { name: text("name"), disabled: what == "disable" },
        "reset-password" => {
            Order::ResetPassword { name: text("name"), password: password(matches)? }
        }
        _ => Order::List,
    };
    let (config, _) = load(&flags(matches))?;
    block_on(async {
        let store = running::open_store(&config).await?;
        let said = crate::admin::carry_out(&store, order).await;
        let closed = store.close().await;
        print!("{}", said.map_err(StartError)?);
        closed.map_err(|error| StartError(format!("The database: {error}.")))
    })
}

/// Reads the password from standard input, if that was asked for.
fn password(matches: &ArgMatches) -> Result<Option<String>, Vec<String>> {
    // Only one of the commands takes a hash.
    let takes_hash = matches!(matches.try_get_one::<bool>("hash-stdin"), Ok(Some(true)));
    if !matches.get_flag("password-stdin") && !takes_hash {
        return Ok(None);
    }
    let mut line = String::new();
    std::io::stdin()
        .read_line(&mut line)
        .map_err(|error| vec![format!("The password cannot be read: {error}.")])?;
    Ok(Some(line.trim_end_matches(['\r', '\n']).to_owned()))
}

fn config(matches: &ArgMatches) -> Outcome {
    match matches.subcommand() {
        Some(("example", matches)) => {
            let is_env = matches.get_one::<String>("form").is_some_and(|form| form == "env");
            say(&if is_env { example::env() } else { example::toml() })
        }
        Some(("print", matches)) => {
            let (_, values) = load(&flags(matches))?;
            say(&example::in_force(&values, matches.get_flag("redacted")))
        }
        _ => {
            let matches = matches.subcommand_matches("check");
            let (config, _) = load(&matches.map(flags).unwrap_or_default())?;
            running::prepare_folder(&config.data_dir).map_err(|error| vec![error.to_string()])?;
            tls::Tls::open(&config).map_err(|error| vec![error.to_string()])?;
            say("The configuration is fine.\n")
        }
    }
}

fn healthcheck(flags: &Flags) -> Outcome {
    let (config, _) = load(flags)?;
    healthcheck::ask(&config).map_err(|sentence| vec![sentence])
}

/// Runs the parts that belong to no core: the database's writers, the chores, the signals.
fn block_on(work: impl Future<Output = Result<(), StartError>>) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| vec![format!("The system gives no event loop: {error}.")])?;
    runtime.block_on(work).map_err(|error| vec![error.to_string()])
}

/// Waits for somebody to ask the process to stop. It listens from now on, not from when it is
/// first awaited.
fn stop_signal() -> Result<impl Future<Output = ()>, StartError> {
    use tokio::signal::unix::{SignalKind, signal};
    let sentence = |error| StartError(format!("The system gives no signals: {error}."));
    let mut terminate = signal(SignalKind::terminate()).map_err(sentence)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(sentence)?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Flags {
        let matches = command().try_get_matches_from(arguments).unwrap();
        flags(matches.subcommand().unwrap().1)
    }

    #[test]
    fn the_command_line_is_consistent() {
        command().debug_assert();
    }

    #[test]
    fn every_setting_is_a_flag_and_a_list_may_repeat() {
        let flags = parse(&[
            "parlor",
            "serve",
            "--listen",
            "127.0.0.1:1",
            "--listen",
            "127.0.0.1:2",
            "--data-dir=x",
            "--insecure-no-rate-limits",
            "--config",
            "my.toml",
        ]);
        assert_eq!(flags.values["listen"], "127.0.0.1:1,127.0.0.1:2");
        assert_eq!(flags.values["data_dir"], "x");
        assert_eq!(flags.values["insecure_no_rate_limits"], "true");
        assert_eq!(flags.file, Some(PathBuf::from("my.toml")));
    }
}
