//! Configuration keys that were renamed, all roles in one table.
//!
//! Invariant: an old key is refused by name, and each new key exists.

/// The old key and the new one, each with its section.
pub(crate) const RENAMED_KEYS: &[(&str, &str)] = &[
    ("accounts.fresh_minutes", "accounts.recent_sign_in_minutes"),
    ("accounts.key_days", "accounts.key_rotation_days"),
    ("accounts.signups_per_address", "accounts.sign_ups_per_address"),
    ("accounts.slow_down_ms", "accounts.throttle_delay_ms"),
    ("accounts.upkeep_seconds", "accounts.maintenance_seconds"),
    ("media.photo_max_side", "media.photo_max_side_px"),
    ("media.max_minutes", "media.max_duration_minutes"),
    ("media.slow_bytes_per_second", "media.min_bytes_per_second"),
    ("media.slow_window_seconds", "media.min_rate_window_seconds"),
    ("media.uploads_at_once", "media.max_concurrent_uploads"),
    ("media.bodies_at_once", "media.max_concurrent_body_reads"),
    ("media.head_memory_bytes", "media.header_budget_bytes"),
    ("media.open_uploads", "media.max_open_uploads"),
    ("media.unclaimed_hours", "media.unclaimed_ttl_hours"),
    ("media.upload_hours", "media.upload_ttl_hours"),
    ("media.address_hours", "media.signed_url_ttl_hours"),
    ("media.lists_at_once", "media.max_concurrent_lists"),
    ("media.lists_per_member", "media.max_lists_per_member"),
    ("transcode.longest_hours", "transcode.max_duration_hours"),
    ("transcode.children_memory_bytes", "transcode.total_memory_bytes"),
    ("transcode.child_memory_bytes", "transcode.process_memory_bytes"),
    ("transcode.confine", "transcode.sandbox"),
    ("transcode.confine_uid", "transcode.sandbox_uid"),
    ("transcode.confine_readable", "transcode.sandbox_readable"),
    ("transcode.staging_bytes", "transcode.max_staging_bytes"),
    ("transcode.child_file_bytes", "transcode.max_file_bytes"),
    ("transcode.stall_seconds", "transcode.stall_timeout_seconds"),
    ("transcode.probe_seconds", "transcode.probe_timeout_seconds"),
    ("transcode.photo_seconds", "transcode.photo_timeout_seconds"),
    ("transcode.attempts", "transcode.max_attempts"),
    ("delivery.memory_bytes", "delivery.object_cache_bytes"),
    ("delivery.stream_bytes", "delivery.stream_buffer_bytes"),
    ("delivery.facts_bytes", "delivery.catalog_cache_bytes"),
    ("delivery.picture_memory_bytes", "delivery.render_memory_bytes"),
    ("delivery.picture_pixels", "delivery.max_source_pixels"),
    ("delivery.picture_seconds", "delivery.max_render_seconds"),
    ("delivery.picture_workers", "delivery.render_workers"),
    ("delivery.picture_waiters", "delivery.max_render_waiters"),
    ("delivery.kept_picture_bytes", "delivery.rendered_images_bytes"),
    ("delivery.avif_after_readings", "delivery.avif_after_reads"),
    ("gateway.address_max_bytes", "gateway.max_url_bytes"),
    ("gateway.anonymous_at_work_per_address", "gateway.anonymous_in_flight_per_address"),
    ("gateway.answer_seconds", "gateway.response_timeout_seconds"),
    ("gateway.body_max_bytes", "gateway.max_body_bytes"),
    ("gateway.headers_max", "gateway.max_headers"),
    ("gateway.socket_idle_seconds", "gateway.websocket_idle_timeout_seconds"),
    ("secrets.addresses_key_file", "secrets.url_signing_key_file"),
    ("server.connections_per_address", "server.connections_per_prefix"),
];

#[cfg(test)]
mod tests {
    use base::config::Config;

    use super::*;

    #[test]
    fn an_old_key_is_refused_with_its_new_name_and_the_new_one_exists() {
        let sections: Vec<&str> = RENAMED_KEYS.iter().filter_map(|(old, _)| Some(old.split_once('.')?.0)).collect();
        let known = crate::config_reference::sections();
        for (old, new) in RENAMED_KEYS {
            let load = Config::load(None, std::iter::empty(), &[format!("{old}=7")], &sections, RENAMED_KEYS);
            let error = load.unwrap_err().to_string();
            assert!(error.contains(old) && error.contains(new), "{error}");
            let (section, key) = new.split_once('.').unwrap();
            let described = known.iter().find(|known| known.name() == section).unwrap().toml();
            let is_key =
                |line: &str| line.trim_start_matches("# ").split('=').next().is_some_and(|name| name.trim() == key);
            assert!(described.lines().any(is_key), "{new} is not a key");
        }
    }
}
