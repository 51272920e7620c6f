//! The classifier of pictures of this process: the one outside, the model in a child process, or none.
//!
//! Owns how the child is confined: like the converters, it reads one file, writes none, opens no socket and starts no
//! process. Invariant: what is configured and can't be used is logged once, with what to do about it, and conversions
//! go on.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base::Environment;
use classify::{ChildCommand, MODEL_COMMAND, ScreeningOptions, WebhookContext};
use screening::classifier::{Classifier, Picture};
use service::{BootError, Context};

use crate::ffmpeg::launcher::OWN_BINARY;
use crate::ffmpeg::{Command, Limits, Tools};

/// The memory of the child: three times what it takes to load the model.
const MEMORY_BYTES: u64 = 768 << 20;
/// Its processor time, after which it is replaced; it is replaced by then anyway.
const CPU: Duration = Duration::from_hours(1);
/// Nothing waits for it.
const NICE: i32 = 10;

/// The settings of classifiers, and what they are made with.
pub(crate) struct ClassifierSettings {
    /// The section of the configuration.
    pub options: ScreeningOptions,
    outside: WebhookContext,
}

impl ClassifierSettings {
    /// Reads the settings. Fails if a server outside is named and can't be asked as configured.
    pub(crate) fn of(context: &Context) -> Result<Self, BootError> {
        let settings = Self {
            options: ScreeningOptions::of(&context.config)?,
            outside: WebhookContext {
                clock: context.clock.clone(),
                random: context.random.clone(),
                environment: Environment::of(&context.config)?,
            },
        };
        settings.options.pictures(None, &settings.outside)?;
        Ok(settings)
    }

    /// Returns the classifier, if there is one, and logs what there is.
    pub(crate) async fn open(&self, tools: &Tools, folder: &Path) -> Option<Arc<dyn Classifier<Picture>>> {
        let child = match self.options.model() {
            None => None,
            Some(Err(reason)) => {
                tracing::warn!(reason, "pictures are not scored by a model");
                None
            }
            Some(Ok(model)) => child(tools, model, &folder.join("classifier")).await,
        };
        let classifier = self.options.pictures(child, &self.outside).unwrap_or_else(|error| {
            tracing::warn!(%error, "pictures are not scored");
            None
        });
        match &classifier {
            Some(classifier) => tracing::info!(model = classifier.model(), "pictures are scored"),
            None => tracing::info!("no classifier of pictures: those of strangers stay blurred, and no others"),
        }
        classifier
    }
}

/// Returns the command that starts the model in the sandbox of converters.
async fn child(tools: &Tools, model: &Path, folder: &Path) -> Option<ChildCommand> {
    let unusable = |reason: String| tracing::warn!(reason, "the model that scores pictures can't be started");
    if let Err(error) = tokio::fs::create_dir_all(folder).await {
        unusable(format!("its folder can't be created: {error}"));
        return None;
    }
    // It works in another folder.
    let model = std::path::absolute(model).ok()?;
    // By its path, as the launcher may be another program; an own one knows itself even if its file was replaced.
    let own = tokio::fs::read_link(OWN_BINARY).await.ok().filter(|path| path.is_file());
    let command = Command {
        program: own.unwrap_or_else(|| OWN_BINARY.into()),
        args: vec![MODEL_COMMAND.into(), model.clone().into()],
        folder: folder.to_owned(),
        reads: vec![model],
        limits: Limits { memory_bytes: MEMORY_BYTES, cpu: CPU, file_bytes: 0, stall_timeout: CPU, nice: NICE },
    };
    let confined = match &tools.launcher {
        Some(launcher) => launcher.command(&command),
        None => Some((command.program.clone(), command.args.clone())),
    };
    let Some((program, arguments)) = confined else {
        unusable("it can't be sandboxed on this machine, and transcode.sandbox is \"strict\"".to_owned());
        return None;
    };
    Some(ChildCommand { program, arguments, folder: folder.to_owned(), memory_bytes: Some(MEMORY_BYTES) })
}
