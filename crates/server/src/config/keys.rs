//! The keys that are known, block by block. `docs/configuration.md` explains each of them.

/// A key of the configuration.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key {
    pub name: &'static str,
    pub role: Role,
}

/// What is done with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// It is read.
    Used,
    /// A key of Vault or OpenBao for which there is nothing to do here.
    Idle,
    /// A key of Vault or OpenBao whose effect is not there.
    Missing,
}

/// The top level.
pub(super) const TOP: &[Key] = &[
    used("storage"),
    used("backend"),
    used("listener"),
    used("seal"),
    used("audit"),
    used("telemetry"),
    used("user_lockout"),
    used("api_addr"),
    used("cluster_addr"),
    used("cluster_name"),
    used("consistency"),
    used("default_lease_ttl"),
    used("max_lease_ttl"),
    used("default_max_request_duration"),
    used("disable_mlock"),
    used("disable_cache"),
    used("ui"),
    used("raw_storage_endpoint"),
    used("unsafe_allow_api_audit_creation"),
    used("log_level"),
    used("log_format"),
    used("log_file"),
    used("pid_file"),
    used("rollback_mark"),
    idle("cache_size"),
    idle("cluster_cipher_suites"),
    idle("detect_deadlocks"),
    idle("disable_clustering"),
    idle("disable_indexing"),
    idle("disable_performance_standby"),
    idle("disable_printable_check"),
    idle("disable_sealwrap"),
    idle("disable_sentinel_trace"),
    idle("disable_standby_reads"),
    idle("enable_post_unseal_trace"),
    idle("experiments"),
    idle("imprecise_lease_role_tracking"),
    idle("license_path"),
    idle("plugin_directory"),
    idle("plugin_file_permissions"),
    idle("plugin_file_uid"),
    idle("plugin_tmpdir"),
    idle("request_limiter"),
    idle("reporting"),
    idle("sentinel"),
    missing("enable_response_header_hostname"),
    missing("enable_response_header_raft_node_id"),
    missing("administrative_namespace_path"),
    missing("allow_audit_log_prefixing"),
    missing("entropy"),
    missing("ha_storage"),
    missing("ha_backend"),
    missing("initialize"),
    missing("introspection_endpoint"),
    missing("kms_library"),
    missing("log_requests_level"),
    missing("log_rotate_bytes"),
    missing("log_rotate_duration"),
    missing("log_rotate_max_files"),
    missing("plugin"),
    missing("plugin_auto_download"),
    missing("plugin_auto_register"),
    missing("plugin_download_behavior"),
    missing("plugin_download_max_size"),
    missing("service_registration"),
    missing("unsafe_cross_namespace_identity"),
];

/// The top level of the configuration of a migration.
pub(super) const MIGRATION: &[Key] = &[used("storage_source"), used("storage_destination"), idle("cluster_addr")];

/// `storage "inmem"`.
pub(super) const STORAGE_INMEM: &[Key] = &[idle("disable_transactions")];

/// `storage "embedded"`.
pub(super) const STORAGE_EMBEDDED: &[Key] = &[used("path"), used("cache_size")];

/// `storage "etcd"`.
pub(super) const STORAGE_ETCD: &[Key] = &[
    used("address"),
    used("path"),
    used("username"),
    used("password"),
    used("tls_ca_file"),
    used("tls_cert_file"),
    used("tls_key_file"),
    used("request_timeout"),
    used("keep_versions"),
    used("etcd_api"),
    used("discovery_srv"),
    used("discovery_srv_name"),
    idle("ha_enabled"),
    idle("sync"),
    idle("lock_timeout"),
    idle("max_receive_size"),
];

/// `storage "postgresql"`.
pub(super) const STORAGE_POSTGRESQL: &[Key] = &[
    used("connection_url"),
    used("table"),
    used("max_parallel"),
    used("max_idle_connections"),
    idle("ha_enabled"),
    idle("ha_table"),
    idle("skip_create_table"),
    idle("max_connect_retries"),
];

/// `storage "file"` and `storage "raft"`, which are kept in the embedded store.
pub(super) const STORAGE_TAKEN_OVER: &[Key] = &[
    used("path"),
    idle("node_id"),
    idle("performance_multiplier"),
    idle("trailing_logs"),
    idle("snapshot_threshold"),
    idle("snapshot_interval"),
    idle("max_entry_size"),
    idle("max_transaction_size"),
    idle("max_mount_and_namespace_table_entry_size"),
    idle("raft_wal"),
    idle("raft_log_verifier_enabled"),
    idle("retry_join_as_non_voter"),
    idle("autopilot_reconcile_interval"),
    idle("autopilot_update_interval"),
    missing("retry_join"),
];

/// `listener "tcp"`.
pub(super) const LISTENER_TCP: &[Key] = &[
    used("address"),
    used("tls_disable"),
    used("tls_cert_file"),
    used("tls_key_file"),
    used("tls_min_version"),
    used("tls_client_ca_file"),
    used("tls_require_and_verify_client_cert"),
    used("tls_disable_client_certs"),
    used("max_request_size"),
    used("max_request_duration"),
    used("http_read_header_timeout"),
    used("http_read_timeout"),
    used("http_write_timeout"),
    used("http_idle_timeout"),
    used("require_request_header"),
    used("x_forwarded_for_authorized_addrs"),
    used("x_forwarded_for_hop_skips"),
    used("x_forwarded_for_reject_not_present"),
    used("x_forwarded_for_reject_not_authorized"),
    used("disable_unauthed_rekey_endpoints"),
    used("disable_unauthed_generate_root_endpoints"),
    used("telemetry"),
    used("inflight_requests_logging"),
    idle("purpose"),
    idle("role"),
    idle("cluster_address"),
    idle("profiling"),
    idle("agent_api"),
    idle("proxy_api"),
    idle("max_request_json_memory"),
    idle("max_request_json_strings"),
    idle("disable_replication_status_endpoints"),
    idle("disable_request_limiter"),
    idle("tls_max_version"),
    idle("tls_cipher_suites"),
    idle("tls_prefer_server_cipher_suites"),
    idle("tls_key_exchange_preferences"),
    idle("tls_auto_reload"),
    idle("tls_auto_reload_interval"),
    missing("custom_response_headers"),
    missing("cors_enabled"),
    missing("cors_allowed_origins"),
    missing("cors_allowed_headers"),
    missing("cors_allow_credentials"),
    missing("proxy_protocol_behavior"),
    missing("proxy_protocol_authorized_addrs"),
    missing("x_forwarded_for_client_cert_header"),
    missing("x_forwarded_for_client_cert_decoders"),
    missing("x_forwarded_for_client_cert_keep_not_forwarded"),
    missing("x_forwarded_for_client_cert_keep_unauthorized"),
    missing("chroot_namespace"),
    missing("redact_addresses"),
    missing("redact_cluster_name"),
    missing("redact_version"),
    missing("tls_acme_cache_path"),
    missing("tls_acme_ca_directory"),
    missing("tls_acme_test_ca_directory"),
    missing("tls_acme_ca_root"),
    missing("tls_acme_eab_key_id"),
    missing("tls_acme_eab_mac_key"),
    missing("tls_acme_key_type"),
    missing("tls_acme_email"),
    missing("tls_acme_domains"),
    missing("tls_acme_disable_http_challenge"),
    missing("tls_acme_disable_alpn_challenge"),
];

/// `listener "unix"`.
pub(super) const LISTENER_UNIX: &[Key] = &[
    used("address"),
    used("socket_mode"),
    used("socket_user"),
    used("socket_group"),
    used("max_request_size"),
    used("max_request_duration"),
    used("http_read_header_timeout"),
    used("http_read_timeout"),
    used("http_write_timeout"),
    used("http_idle_timeout"),
    used("require_request_header"),
    used("x_forwarded_for_authorized_addrs"),
    used("x_forwarded_for_hop_skips"),
    used("x_forwarded_for_reject_not_present"),
    used("x_forwarded_for_reject_not_authorized"),
    used("disable_unauthed_rekey_endpoints"),
    used("disable_unauthed_generate_root_endpoints"),
    used("telemetry"),
    used("inflight_requests_logging"),
    idle("purpose"),
    idle("role"),
    idle("cluster_address"),
    idle("profiling"),
    idle("agent_api"),
    idle("proxy_api"),
    idle("max_request_json_memory"),
    idle("max_request_json_strings"),
    idle("disable_replication_status_endpoints"),
    idle("disable_request_limiter"),
    idle("tls_disable"),
    missing("custom_response_headers"),
    missing("cors_enabled"),
    missing("cors_allowed_origins"),
    missing("cors_allowed_headers"),
    missing("cors_allow_credentials"),
    missing("proxy_protocol_behavior"),
    missing("proxy_protocol_authorized_addrs"),
    missing("x_forwarded_for_client_cert_header"),
    missing("x_forwarded_for_client_cert_decoders"),
    missing("x_forwarded_for_client_cert_keep_not_forwarded"),
    missing("x_forwarded_for_client_cert_keep_unauthorized"),
    missing("chroot_namespace"),
    missing("redact_addresses"),
    missing("redact_cluster_name"),
    missing("redact_version"),
];

/// `telemetry` in a listener.
pub(super) const LISTENER_TELEMETRY: &[Key] = &[
    used("unauthenticated_metrics_access"),
    missing("disallow_metrics"),
    missing("metrics_only"),
    missing("metrics_path"),
];

/// `inflight_requests_logging` in a listener.
pub(super) const LISTENER_IN_FLIGHT: &[Key] = &[missing("unauthenticated_in_flight_requests_access")];

/// `telemetry` at the top level.
pub(super) const TELEMETRY: &[Key] = &[
    idle("prometheus_retention_time"),
    idle("disable_hostname"),
    idle("usage_gauge_period"),
    idle("maximum_gauge_cardinality"),
    idle("lease_metrics_epsilon"),
    idle("num_lease_metrics_buckets"),
    idle("add_lease_metrics_namespace_labels"),
    idle("enable_hostname_label"),
    idle("filter_default"),
    idle("rollback_metrics_include_mount_point"),
    idle("metrics_prefix"),
    missing("prefix_filter"),
    missing("statsite_address"),
    missing("statsd_address"),
    missing("dogstatsd_addr"),
    missing("dogstatsd_tags"),
    missing("stackdriver_project_id"),
    missing("stackdriver_location"),
    missing("stackdriver_namespace"),
    missing("stackdriver_debug_logs"),
    missing("circonus_api_token"),
    missing("circonus_api_app"),
    missing("circonus_api_url"),
    missing("circonus_submission_interval"),
    missing("circonus_submission_url"),
    missing("circonus_check_id"),
    missing("circonus_check_force_metric_activation"),
    missing("circonus_check_instance_id"),
    missing("circonus_check_search_tag"),
    missing("circonus_check_display_name"),
    missing("circonus_check_tags"),
    missing("circonus_broker_id"),
    missing("circonus_broker_select_tag"),
];

/// `audit`.
pub(super) const AUDIT: &[Key] = &[used("description"), used("local"), used("options")];

/// `user_lockout`.
pub(super) const USER_LOCKOUT: &[Key] =
    &[used("lockout_threshold"), used("lockout_duration"), used("lockout_counter_reset"), used("disable_lockout")];

/// `seal "shamir"`.
pub(super) const SEAL_SHAMIR: &[Key] = &[idle("name"), idle("priority"), idle("disabled")];

/// `seal "static"`.
pub(super) const SEAL_STATIC: &[Key] = &[
    used("name"),
    used("priority"),
    used("disabled"),
    used("current_key_id"),
    used("current_key"),
    used("previous_key_id"),
    used("previous_key"),
];

/// `seal "transit"`.
pub(super) const SEAL_TRANSIT: &[Key] = &[
    used("name"),
    used("priority"),
    used("disabled"),
    used("address"),
    used("token"),
    used("key_name"),
    used("mount_path"),
    used("namespace"),
    used("disable_renewal"),
    used("key_id_prefix"),
    used("tls_ca_cert"),
    used("tls_client_cert"),
    used("tls_client_key"),
    used("tls_server_name"),
    used("tls_skip_verify"),
    used("timeout"),
];

/// `seal "pkcs11"`.
pub(super) const SEAL_PKCS11: &[Key] = &[
    used("name"),
    used("priority"),
    used("disabled"),
    used("lib"),
    used("slot"),
    used("token_label"),
    used("pin"),
    used("key_label"),
    used("default_key_label"),
    used("key_id"),
    used("mechanism"),
    used("rsa_oaep_hash"),
    used("generate_key"),
    used("timeout"),
    idle("max_parallel"),
    idle("force_rw_session"),
    idle("hmac_key_label"),
    idle("default_hmac_key_label"),
    idle("hmac_key_id"),
    idle("hmac_mechanism"),
    idle("rsa_encrypt_local"),
    idle("disable_software_encryption"),
];

/// All tables, for the test that the documentation names every key.
#[cfg(test)]
pub(super) const ALL: &[&[Key]] = &[
    TOP,
    STORAGE_INMEM,
    STORAGE_EMBEDDED,
    STORAGE_ETCD,
    STORAGE_POSTGRESQL,
    STORAGE_TAKEN_OVER,
    LISTENER_TCP,
    LISTENER_UNIX,
    LISTENER_TELEMETRY,
    LISTENER_IN_FLIGHT,
    TELEMETRY,
    AUDIT,
    USER_LOCKOUT,
    SEAL_SHAMIR,
    SEAL_STATIC,
    SEAL_TRANSIT,
    SEAL_PKCS11,
];

const fn used(name: &'static str) -> Key {
    Key { name, role: Role::Used }
}

const fn idle(name: &'static str) -> Key {
    Key { name, role: Role::Idle }
}

const fn missing(name: &'static str) -> Key {
    Key { name, role: Role::Missing }
}
