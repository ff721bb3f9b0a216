# One server with its data in a directory. For production, give the listener a certificate (tls_cert_file, tls_key_file) in place of
# tls_disable, and absolute paths.
storage "embedded" {
  path = "data"
}

listener "tcp" {
  address     = "127.0.0.1:18300"
  tls_disable = true
}

default_lease_ttl = "1h"
max_lease_ttl     = "24h"
