//! Servers with the interface of DynamoDB: AWS's own DynamoDB Local, and MiniStack.
//!
//! Both keep everything in memory. Invariant: MiniStack listens on loopback only; DynamoDB Local has no option for
//! that, so it holds nothing but what a test has put into it.

use tempfile::TempDir;

use super::{Program, ReadyCheck, free_port, installed, installed_in};

/// Which server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DynamoDbServer {
    /// AWS's own, in Java. Its licence lets it be used for tests, and not be passed on.
    Local,
    /// `MiniStack`, in Python.
    MiniStack,
}

/// A server with the interface of DynamoDB, without tables.
#[derive(Debug)]
pub struct DynamoDb {
    /// The program.
    pub program: Program,
    port: u16,
    _folder: TempDir,
}

impl DynamoDb {
    /// Starts a server, which takes seconds.
    pub fn start(server: DynamoDbServer) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let port = free_port();
        let (name, arguments) = match server {
            DynamoDbServer::Local => ("DynamoDB Local", dynamodb_local(port)),
            DynamoDbServer::MiniStack => ("MiniStack", ministack(port)),
        };
        let program = Program::start(name, arguments, ReadyCheck::PortOpen(port), &folder.path().join("log"));
        Self { program, port, _folder: folder }
    }

    /// Returns its URL.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Returns assignments for [`crate::WorldBuilder::set`], with which notices are in a table of this server.
    pub fn settings(&self, table: &str) -> Vec<String> {
        vec![
            "notify.history=dynamodb".to_owned(),
            format!("dynamodb.endpoint={}", self.endpoint()),
            format!("dynamodb.table={table}"),
            "dynamodb.access_key=tutti".to_owned(),
            "dynamodb.secret_key=tutti-secret".to_owned(),
        ]
    }
}

fn dynamodb_local(port: u16) -> Vec<String> {
    let jar = installed_in("dynamodb-local", "DynamoDBLocal.jar");
    let libraries = jar.with_file_name("DynamoDBLocal_lib");
    let library_path = format!("-Djava.library.path={}", libraries.display());
    // A small heap and the simple collector: the server of a test holds a few thousand items.
    let java = ["env", "DDB_LOCAL_TELEMETRY=0", "java", "-Xmx256m", "-XX:+UseSerialGC", library_path.as_str(), "-jar"];
    let jar = jar.display().to_string();
    let options = [jar.as_str(), "-inMemory", "-port"];
    java.into_iter().chain(options).map(str::to_owned).chain([port.to_string()]).collect()
}

fn ministack(port: u16) -> Vec<String> {
    let modules = installed("ministack").parent().expect("a folder has a parent").to_owned();
    vec![
        "env".to_owned(),
        format!("PYTHONPATH={}", modules.display()),
        "BIND_HOST=127.0.0.1".to_owned(),
        format!("GATEWAY_PORT={port}"),
        "SERVICES=dynamodb".to_owned(),
        "python3".to_owned(),
        "-m".to_owned(),
        "ministack".to_owned(),
    ]
}
