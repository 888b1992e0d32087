//! The command line: which commands and flags there are. What they do stands elsewhere.

use crate::config::keys::{self, KEYS, Key};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// The last part of `pileus --help`.
const AFTER_HELP: &str = "\
The server's settings may stand in pileus.toml and in PILEUS_* variables; flags override variables, variables override
the file. `pileus serve --help` lists them, `pileus config show` tells the effective ones and where each comes from.

Exit codes: 0 done, 1 failed, 2 wrong usage.";

/// The last part of `pileus serve --help`: the settings without a flag, and what follows.
fn after_serve() -> String {
    use std::fmt::Write as _;
    let mut text = String::from("Settings without a flag, in the file and the environment:\n");
    for key in KEYS.iter().filter(|key| key.flag.is_none()) {
        let _ = writeln!(
            text,
            "  {}\n          {}\n          [default: {}] [env: {}]",
            key.name,
            key.doc,
            key.default_text(),
            key.env
        );
    }
    text + AFTER_SERVE
}

/// The part of it that does not come from the table of settings.
const AFTER_SERVE: &str = "
In the file a flag's name is written with underscores (data_dir), lists are arrays of strings, and `limits.body_bytes` is
`body_bytes` under `[limits]`.

Only the first start reads these; on an installation that is already set up they are ignored, which is said:
  PILEUS_BOOTSTRAP_TOKEN         the first access token: \"pul-\" and at least 32 further characters
                                 [default: a generated one, also written to DATA_DIR/admin-token]
  PILEUS_BOOTSTRAP_ORGANIZATION  the first organisation [default: pulumi]
  PILEUS_BOOTSTRAP_USER          its admin, who is also the site's [default: admin]

Secrets are sealed with a master key of 32 bytes, in hexadecimal or base64:
  PILEUS_MASTER_KEY              the key [default: the file DATA_DIR/master-key, which the first start makes]
  PILEUS_MASTER_KEY_NEW          the key that is to take its place, see `pileus keys rotate --help`
                                 [default: the file DATA_DIR/master-key.new, if there is one]

SIGTERM and SIGINT stop the server: it accepts nothing new, finishes what runs (at most 10 seconds) and exits with 0.
A second signal ends it at once.";

/// An open control plane that speaks the Pulumi Cloud API.
#[derive(Debug, Parser)]
#[command(name = "pileus", version, after_help = AFTER_HELP, max_term_width = 120)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the server
    #[command(after_help = after_serve(), next_line_help = true)]
    Serve(ServeOptions),
    /// Look at the configuration
    Config {
        /// What to do with it.
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Manage the installation's users (needs a site admin's token)
    User {
        /// Where and as whom.
        #[command(flatten)]
        at: ClientOptions,
        /// What to do.
        #[command(subcommand)]
        command: UserCommand,
    },
    /// Manage the installation's organisations (needs a site admin's token)
    Org {
        /// Where and as whom.
        #[command(flatten)]
        at: ClientOptions,
        /// What to do.
        #[command(subcommand)]
        command: OrgCommand,
    },
    /// Manage the installation's master key (needs a site admin's token)
    Keys {
        /// Where and as whom.
        #[command(flatten)]
        at: ClientOptions,
        /// What to do.
        #[command(subcommand)]
        command: KeysCommand,
    },
    /// Manage your own access tokens
    Token {
        /// Where and as whom.
        #[command(flatten)]
        at: ClientOptions,
        /// What to do.
        #[command(subcommand)]
        command: TokenCommand,
    },
}

/// `pileus keys …`
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Print a fresh master key; no server is asked
    Generate,
    /// Show which master key seals, and which keys the running servers hold: fingerprints only
    Show,
    /// Let the new master key take the place of the old one, and wait until the old one opens nothing any more
    #[command(after_help = AFTER_ROTATE)]
    Rotate,
}

/// The last part of `pileus keys rotate --help`.
const AFTER_ROTATE: &str = "\
Nothing stops meanwhile:
  1. Make a key: `pileus keys generate`.
  2. Give it to every server besides the old one: in PILEUS_MASTER_KEY_NEW, then restart one server after the other; or
     in the file DATA_DIR/master-key.new (mode 0600), which a running server finds by itself.
  3. `pileus keys rotate`. From then on the new key seals, and what the old one has sealed is sealed anew, a piece at a
     time. It is refused as long as a running server lacks the new key; what is cut in the middle goes on by itself.
  4. Remove the old key: let PILEUS_MASTER_KEY (or the file master-key) be the new one, without PILEUS_MASTER_KEY_NEW.
Keep the old key as long as you keep backups from before.";

/// `pileus config …`
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Print the effective configuration as TOML, with the source of each value; secrets are masked
    Show(ServeOptions),
}

/// The flags of `pileus serve`. Their texts are checked where all settings are.
#[derive(Debug, Default, Args)]
pub struct ServeOptions {
    #[arg(long, value_name = "ADDRESS:PORT", help = keys::LISTEN.help())]
    listen: Option<String>,
    #[arg(long, value_name = "PATH", help = keys::DATA_DIR.help())]
    data_dir: Option<String>,
    #[arg(long, value_name = "URL", help = keys::DATABASE.help())]
    database: Option<String>,
    #[arg(long, value_name = "URL", help = keys::PUBLIC_URL.help())]
    public_url: Option<String>,
    #[arg(long, value_name = "CIDR,…", help = keys::TRUSTED_PROXIES.help())]
    trusted_proxies: Option<String>,
    #[arg(long, value_name = "FORMAT", help = keys::LOG_FORMAT.help())]
    log_format: Option<String>,
    #[arg(long, value_name = "ROLE,…", help = keys::ROLES.help())]
    roles: Option<String>,
    /// The configuration file
    #[arg(
        long,
        value_name = "PATH",
        help = "The configuration file\n[default: ./pileus.toml if there is one] [env: PILEUS_CONFIG]"
    )]
    pub config: Option<PathBuf>,
}

impl ServeOptions {
    /// The settings that were given as flags.
    pub fn given(&self) -> Vec<(&'static Key, String)> {
        let all: [(&'static Key, &Option<String>); 7] = [
            (&keys::LISTEN, &self.listen),
            (&keys::DATA_DIR, &self.data_dir),
            (&keys::DATABASE, &self.database),
            (&keys::PUBLIC_URL, &self.public_url),
            (&keys::TRUSTED_PROXIES, &self.trusted_proxies),
            (&keys::LOG_FORMAT, &self.log_format),
            (&keys::ROLES, &self.roles),
        ];
        all.into_iter().filter_map(|(key, text)| text.clone().map(|text| (key, text))).collect()
    }
}

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Output {
    /// The reply's JSON, for programs
    Json,
    /// Aligned columns, for people
    #[default]
    Table,
}

/// Where the clients' server is, as whom they come, and how they print.
#[derive(Debug, Args)]
pub struct ClientOptions {
    /// The server; it is asked with the token in PILEUS_TOKEN, else in ./pileus-data/admin-token [env: PILEUS_URL]
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "PILEUS_URL",
        hide_env = true,
        default_value = "http://127.0.0.1:8080"
    )]
    pub url: String,
    /// How to print: table, for people, or json, the reply itself
    #[arg(long, global = true, value_enum, default_value_t = Output::Table, value_name = "table|json", hide_possible_values = true)]
    pub output: Output,
    /// The access token; a variable only, since command lines are visible to others.
    #[arg(skip = std::env::var("PILEUS_TOKEN").ok())]
    pub token: Option<String>,
}

/// `pileus user …`
#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// List all users
    List,
    /// Create a user
    Create {
        /// The login: 3 to 40 letters, digits, `-` or `_`; never used again for anyone else
        login: String,
        /// The display name [default: the login]
        #[arg(long)]
        name: Option<String>,
        /// The e-mail address [default: none]
        #[arg(long)]
        email: Option<String>,
    },
    /// Show a user
    Show {
        /// The login
        login: String,
    },
    /// Change a user
    #[command(group = clap::ArgGroup::new("change").required(true).multiple(true))]
    Update {
        /// The login
        login: String,
        /// The display name
        #[arg(long, group = "change")]
        name: Option<String>,
        /// Whether the user is locked out
        #[arg(long, group = "change", value_name = "true|false", action = clap::ArgAction::Set, hide_possible_values = true)]
        disabled: Option<bool>,
        /// Whether the user may manage the installation
        #[arg(long, group = "change", value_name = "true|false", action = clap::ArgAction::Set, hide_possible_values = true)]
        site_admin: Option<bool>,
    },
    /// Delete a user
    Delete {
        /// The login
        login: String,
    },
    /// Create an access token for a user and print it; it is shown only now
    Token {
        /// The login
        login: String,
        /// What the token is for
        #[arg(long)]
        description: String,
    },
}

/// `pileus org …`
#[derive(Debug, Subcommand)]
pub enum OrgCommand {
    /// List all organisations
    List,
    /// Create an organisation
    Create {
        /// The name: 3 to 40 letters, digits, `-` or `_`; never used again for anything else
        name: String,
        /// The display name [default: the name]
        #[arg(long)]
        display_name: Option<String>,
        /// The login of its first admin [default: you]
        #[arg(long, value_name = "LOGIN")]
        admin: Option<String>,
    },
}

/// `pileus token …`
#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// List your access tokens
    List,
    /// Create an access token and print it; it is shown only now
    Create {
        /// What the token is for
        #[arg(long)]
        description: String,
        /// When it expires: in so many days or hours (30d, 12h), or a time in Unix seconds [default: never]
        #[arg(long, value_name = "WHEN")]
        expires: Option<String>,
    },
    /// Delete an access token
    Delete {
        /// Its id, as `list` shows it
        id: String,
    },
}
