//! Child processes and the files they make.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// A folder for one test.
pub struct Fixtures {
    folder: TempDir,
}

/// Runs a program to its end and returns its output; fails the test when the program fails.
pub fn run(program: &str, arguments: &[&str]) -> String {
    let package = match program {
        "exiftool" => "libimage-exiftool-perl",
        "heif-enc" | "heif-convert" => "libheif-examples",
        program => program,
    };
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}; apt-get install {package}"));
    let (text, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{program} {arguments:?}: {errors}{text}");
    text.into_owned()
}

impl Fixtures {
    pub fn new() -> Self {
        Self { folder: TempDir::new().unwrap() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file into this folder.
    pub fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// Makes a file with ffmpeg from space-separated arguments; `@name` is a file in this folder.
    pub fn ffmpeg(&self, arguments: &str, name: &str) -> PathBuf {
        let path = self.path(name);
        let mut words = vec!["-v".to_owned(), "error".to_owned(), "-nostdin".to_owned(), "-y".to_owned()];
        words.extend(arguments.split(' ').filter(|word| !word.is_empty()).map(|word| match word.strip_prefix('@') {
            Some(name) => self.path(name).display().to_string(),
            None => word.to_owned(),
        }));
        words.push(path.display().to_string());
        run("ffmpeg", &words.iter().map(String::as_str).collect::<Vec<_>>());
        path
    }

    /// A second of video (64×48, 25 per second), one image if `frames` is 1.
    pub fn image(&self, frames: u32, codec: &str, name: &str) -> PathBuf {
        self.ffmpeg(&format!("-f lavfi -i testsrc2=s=64x48:r=25 -frames:v {frames} {codec}"), name)
    }

    /// A second of audio.
    pub fn audio(&self, codec: &str, name: &str) -> PathBuf {
        self.ffmpeg(&format!("-f lavfi -i sine=440:duration=1:sample_rate=48000 {codec}"), name)
    }

    /// Two seconds of video and audio.
    pub fn video(&self, codec: &str, name: &str) -> PathBuf {
        let sources = "-f lavfi -i testsrc2=s=64x48:r=25:d=2 -f lavfi -i sine=440:duration=2";
        self.ffmpeg(&format!("{sources} -c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 25 {codec}"), name)
    }
}

/// Returns what ffmpeg decodes from a file: a hash for each frame of its video and audio.
pub fn frames(path: &Path, maps: &[&str]) -> String {
    let path = path.display().to_string();
    let mut arguments = vec!["-v", "fatal", "-nostdin", "-i", &path];
    for map in maps {
        arguments.extend(["-map", map]);
    }
    arguments.extend(["-f", "framemd5", "-"]);
    let text = run("ffmpeg", &arguments);
    assert!(text.lines().any(|line| !line.starts_with('#')), "nothing was decoded from {path}");
    text
}

/// Returns everything that exiftool finds, one `[Group] Tag : value` a line.
pub fn tags(path: &Path) -> String {
    // Its exit code is also non-zero after a warning.
    let output = Command::new("exiftool").args(["-a", "-u", "-G1", "-s", "-ee3"]).arg(path).output();
    String::from_utf8_lossy(&output.expect("apt-get install libimage-exiftool-perl").stdout).into_owned()
}
