//! `tutti demo`: an account with pictures, songs and videos, and a community around it, through the public API.
//!
//! ffmpeg generates the pictures, songs and clips, so no file is shipped; more videos come from the folder `--media`.
//! Invariant: a second run adds nothing: the login file says that everything is loaded, and a run that was interrupted
//! is finished by the next one.

mod community;
mod items;
mod people;
mod posts;

use std::path::Path;

use serde_json::json;

use self::items::{ITEMS, generate, upload, videos};
use crate::CommandError;
use crate::cli::Demo;
use crate::client::Client;
use crate::terminal::say;

const HANDLE: &str = "demo";
const EMAIL: &str = "demo@tutti.example";
/// The second line of the login file, once the community is loaded.
const LOADED: &str = "community loaded";

/// What the login file says.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Login {
    password: String,
    is_loaded: bool,
}

impl Login {
    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let password = lines.next()?.split_once(' ')?.1.trim().to_owned();
        Some(Self { password, is_loaded: lines.any(|line| line == LOADED) })
    }

    fn text(&self) -> String {
        let loaded = if self.is_loaded { format!("{LOADED}\n") } else { String::new() };
        format!("{HANDLE} {}\n{loaded}", self.password)
    }

    fn save(&self, path: &Path) -> Result<(), CommandError> {
        use std::os::unix::fs::OpenOptionsExt as _;
        let mut file = std::fs::OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(path)?;
        Ok(std::io::Write::write_all(&mut file, self.text().as_bytes())?)
    }
}

pub(crate) async fn run(arguments: Demo) -> Result<(), CommandError> {
    let saved = std::fs::read_to_string(&arguments.login_file).ok().and_then(|text| Login::parse(&text));
    if let Some(login) = saved.as_ref().filter(|login| login.is_loaded) {
        print_login(&arguments, &login.password);
        return Ok(());
    }
    let scratch = tempfile::tempdir()?;
    let (client, login) = match saved {
        Some(login) => (Client::sign_in(&arguments.to, HANDLE, &login.password).await?, login),
        None => create(&arguments, scratch.path()).await?,
    };
    community::load(&arguments.to, &client, (HANDLE, login.password.as_str()), scratch.path()).await?;
    let login = Login { is_loaded: true, ..login };
    login.save(&arguments.login_file)?;
    print_login(&arguments, &login.password);
    Ok(())
}

/// Creates the demo account with its library.
async fn create(arguments: &Demo, scratch: &Path) -> Result<(Client, Login), CommandError> {
    let password = base::Random::system().id();
    let Some(client) = Client::sign_up(&arguments.to, HANDLE, EMAIL, &password).await? else {
        return Err(format!(
            "the server already has an account called `{HANDLE}`, but its password is not in {}",
            arguments.login_file.display()
        )
        .into());
    };
    let login = Login { password, is_loaded: false };
    login.save(&arguments.login_file)?;
    client
        .patch("/v1/me", &json!({ "display_name": "Demo", "bio": "Pictures, songs and videos to click through." }))
        .await?;
    for item in &ITEMS {
        let path = scratch.join(item.name);
        generate(item, &path).await?;
        upload(&client, &path, item.tags).await?;
    }
    for path in videos(arguments.media.as_deref()) {
        upload(&client, &path, "video,film").await?;
    }
    Ok((client, login))
}

fn print_login(arguments: &Demo, password: &str) {
    let (handle, other) = ("amara.okafor", community::password_of("amara.okafor", password));
    say!("\n  Tutti is at  {}\n  log in as    {HANDLE}\n  password     {password}", arguments.to);
    say!("  or as        {handle}\n  password     {other}\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_login_file_says_what_is_loaded() {
        for is_loaded in [false, true] {
            let login = Login { password: "secret".into(), is_loaded };
            assert_eq!(Login::parse(&login.text()), Some(login));
        }
        assert_eq!(Login::parse("demo secret\n").map(|login| login.is_loaded), Some(false));
        assert_eq!(Login::parse(""), None);
    }
}
