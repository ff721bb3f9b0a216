# A server for one machine: data in a directory, TLS 1.3, an audit log. Start it with
#   keywright server -config=examples/server.hcl
# then `keywright operator init` once, and `keywright operator unseal` after each start.

storage "embedded" {
  path = "/var/lib/keywright"
}

listener "tcp" {
  address       = "0.0.0.0:8200"
  tls_cert_file = "/etc/keywright/tls/server.pem"
  tls_key_file  = "/etc/keywright/tls/server.key"
}

# For tools on the same machine, without the network.
listener "unix" {
  address     = "/run/keywright/keywright.sock"
  socket_mode = "0660"
}

audit "file" "main" {
  description = "who did what"
  options {
    file_path = "/var/log/keywright/audit.log"
  }
}

api_addr          = "https://vault.example.com:8200"
default_lease_ttl = "1h"
max_lease_ttl     = "768h"
log_format        = "json"
