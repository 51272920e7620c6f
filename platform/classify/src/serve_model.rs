//! The child's side: loads an ONNX model, and scores the frames that it reads.
//!
//! Owns the numbers of the one model that Tutti comes with: OpenNSFW, which takes 224 × 224 pixels, blue first, less
//! the mean of what it was trained on, and answers with two probabilities, the second of which counts. Runs in a
//! process of its own, with one thread. Invariant: it ends with its standard input.

use std::ffi::{OsStr, OsString};
use std::process::ExitCode;

/// The first argument of a process that is such a child; the second is the path of the model.
pub const MODEL_COMMAND: &str = "score-pictures";
/// Whether this build can run a model: the feature `tract`.
pub const HAS_MODEL_ENGINE: bool = cfg!(feature = "tract");

/// Runs the child if these are its arguments (the first one is the process's own name), and returns `None` otherwise.
pub fn serve_model(arguments: impl IntoIterator<Item = OsString>) -> Option<ExitCode> {
    let mut arguments = arguments.into_iter().skip(1);
    if arguments.next()? != MODEL_COMMAND {
        return None;
    }
    match serve(arguments.next().as_deref()) {
        Ok(()) => Some(ExitCode::SUCCESS),
        Err(reason) => {
            // One line, which the server logs.
            println!("failed {}", reason.replace('\n', " ").chars().take(200).collect::<String>());
            Some(ExitCode::FAILURE)
        }
    }
}

#[cfg(not(feature = "tract"))]
fn serve(_path: Option<&OsStr>) -> Result<(), String> {
    Err("this program was built without the feature `classifiers`".to_owned())
}

#[cfg(feature = "tract")]
fn serve(path: Option<&OsStr>) -> Result<(), String> {
    use std::io::{Read as _, Write as _};

    let path = path.ok_or("no model is named")?;
    let score = engine::load(std::path::Path::new(path)).map_err(|error| format!("{error:#}"))?;
    let (mut stdin, mut stdout) = (std::io::stdin().lock(), std::io::stdout().lock());
    let mut say = |line: String| writeln!(stdout, "{line}").and_then(|()| stdout.flush());
    say("ready OpenNSFW".to_owned()).map_err(|error| error.to_string())?;
    let mut frame = vec![0; crate::FRAME_BYTES];
    // An error is the end of the pipe: the server has ended, or does not need this child any more.
    while stdin.read_exact(&mut frame).is_ok() {
        let probability = score(&frame).map_err(|error| format!("{error:#}"))?;
        if say(probability.to_string()).is_err() {
            break;
        }
    }
    Ok(())
}

#[cfg(feature = "tract")]
mod engine {
    use std::path::Path;

    use tract_onnx::prelude::*;

    use crate::FRAME_SIDE;

    /// The mean of blue, green and red that the model was trained with.
    const MEAN: [f32; 3] = [104.0, 117.0, 123.0];

    /// Loads a model, and returns the function that scores a frame.
    pub(super) fn load(path: &Path) -> TractResult<impl Fn(&[u8]) -> TractResult<f32> + use<>> {
        let shape = [1, FRAME_SIDE, FRAME_SIDE, 3];
        let model = tract_onnx::onnx()
            .model_for_path(path)?
            .with_input_fact(0, f32::fact(shape).into())?
            .into_optimized()?
            .into_runnable()?;
        let score = move |frame: &[u8]| -> TractResult<f32> {
            let blue_first = |pixel: &[u8]| match pixel {
                [red, green, blue] => [*blue, *green, *red],
                _ => [0; 3],
            };
            let pixels = frame.chunks_exact(3).map(blue_first);
            let values: Vec<f32> =
                pixels.flat_map(|pixel| [0, 1, 2].map(|place| f32::from(pixel[place]) - MEAN[place])).collect();
            let input = Tensor::from_shape(&shape, &values)?;
            let outputs = model.run(tvec!(input.into()))?;
            let Some(output) = outputs.first() else { return Ok(f32::NAN) };
            // Whether it is harmless, and whether it is not. A model with other outputs has no score.
            Ok(output.to_plain_array_view::<f32>()?.iter().nth(1).copied().unwrap_or(f32::NAN))
        };
        // The first picture takes no longer than the others.
        let blank = vec![0; crate::FRAME_BYTES];
        score(&blank)?;
        Ok(score)
    }
}
