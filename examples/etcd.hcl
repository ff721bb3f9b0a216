# A server whose data is in an etcd cluster, with TLS on both sides. docs/storage.md says what the cluster needs.
#   etcdctl role add keywright
#   etcdctl role grant-permission keywright readwrite /keywright/ --prefix=true
#   etcdctl user add keywright && etcdctl user grant-role keywright keywright
#   keywright server -config=examples/etcd.hcl

storage "etcd" {
  address       = "https://etcd-1.example.com:2379,https://etcd-2.example.com:2379,https://etcd-3.example.com:2379"
  path          = "/keywright/"
  username      = "keywright"
  password      = "change-me"
  tls_ca_file   = "/etc/keywright/etcd/ca.pem"
  tls_cert_file = "/etc/keywright/etcd/client.pem"
  tls_key_file  = "/etc/keywright/etcd/client.key"
}

listener "tcp" {
  address       = "0.0.0.0:8200"
  tls_cert_file = "/etc/keywright/tls/server.pem"
  tls_key_file  = "/etc/keywright/tls/server.key"
}

audit "file" "main" {
  options {
    file_path = "/var/log/keywright/audit.log"
  }
}

api_addr = "https://vault.example.com:8200"
