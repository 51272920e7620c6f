//! Runs `wrk`, whose connections send the next request after each response, and reads its output.
//!
//! Invariant: a response other than a success, or a broken connection, fails the measurement instead of raising a rate.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use crate::{Error, process};

/// The results of one run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Throughput {
    /// Responses per second.
    pub per_second: f64,
    /// The median time from request to last byte, in milliseconds.
    pub p50_ms: f64,
}

/// Requests the paths of a `script` (see [`lua_script`]) at `address` over `connections` kept open, one after the other
/// on each.
pub async fn run(script: &Path, address: SocketAddr, connections: u32, time: Duration) -> Result<Throughput, Error> {
    let seconds = time.as_secs().max(1);
    let mut args = vec![
        format!("-t{}", connections.min(2)),
        format!("-c{connections}"),
        format!("-d{seconds}s"),
        "--latency".to_owned(),
        "-s".to_owned(),
    ];
    args.push(script.display().to_string());
    args.push(format!("http://{address}/"));
    let output = process::run("wrk", args, time + Duration::from_secs(30)).await?.output;
    read(&output)
}

/// Returns a script that requests one path after the other.
pub fn lua_script<'a>(paths: impl Iterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = paths.map(|path| format!("{path:?}")).collect();
    format!(
        "local paths = {{ {} }}
local requests, at = {{}}, 0
function init()
  for number, path in ipairs(paths) do requests[number] = wrk.format(\"GET\", path) end
end
function request()
  at = at % #requests + 1
  return requests[at]
end
",
        quoted.join(", ")
    )
}

/// Returns a script that requests one path again and again as the member with this access token.
pub fn member_script(path: &str, token: &str) -> String {
    format!("wrk.headers[\"Authorization\"] = {:?}\n{}", format!("Bearer {token}"), lua_script(std::iter::once(path)))
}

fn read(output: &str) -> Result<Throughput, Error> {
    if output.contains("Non-2xx") || output.contains("Socket errors") {
        return Err(format!("wrk met errors: {output}").into());
    }
    let value = |name: &str| output.lines().find_map(|line| line.trim().strip_prefix(name)).map(str::trim);
    let rate = value("Requests/sec:").and_then(|rate| rate.parse().ok());
    let p50 = value("50%").and_then(milliseconds);
    match (rate, p50) {
        (Some(per_second), Some(p50_ms)) => Ok(Throughput { per_second, p50_ms }),
        _ => Err(format!("wrk printed no rate or no median: {output}").into()),
    }
}

/// Parses a time as wrk writes it: `635.91us`, `1.20ms`, `2.00s`. Returns milliseconds.
fn milliseconds(text: &str) -> Option<f64> {
    let (number, scale) = match text {
        _ if text.ends_with("us") => (text.trim_end_matches("us"), 0.001),
        _ if text.ends_with("ms") => (text.trim_end_matches("ms"), 1.0),
        _ => (text.strip_suffix('s')?, 1000.0),
    };
    number.parse::<f64>().ok().map(|number| number * scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = concat!(
        "ChildProcess 5s test\n",
        "  2 threads and 64 connections\n",
        "    Latency   912.00us  120.00us   3.10ms\n",
        "  Latency Distribution\n",
        "     50%  635.91us\n",
        "     99%    1.20ms\n",
        "Requests/sec:  51234.56\n",
        "Transfer/sec:     60.00MB\n",
    );

    #[test]
    fn rate_and_median_are_read() {
        let throughput = read(OUTPUT).unwrap();
        assert!((throughput.per_second - 51_234.56).abs() < 0.01 && (throughput.p50_ms - 0.635_91).abs() < 1e-9);
    }

    #[test]
    fn errors_count() {
        assert!(read(&format!("{OUTPUT}  Non-2xx or 3xx responses: 3\n")).is_err());
        assert!(read("").is_err());
    }

    #[test]
    fn times_have_units() {
        assert_eq!([milliseconds("2.00s"), milliseconds("1.50ms"), milliseconds("4")], [Some(2000.0), Some(1.5), None]);
    }
}
