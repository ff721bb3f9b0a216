# Reads the secrets of one application, and nothing else.
path "secret/data/shop/*" {
  capabilities = ["read"]
}
path "secret/metadata/shop/*" {
  capabilities = ["list"]
}
