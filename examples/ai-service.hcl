# What an AI service may do: read its own provider keys, and make a database or message-queue user for itself.
# `{{identity.entity.name}}` is the name of the service's entity, so one policy serves all services.

path "secret/data/{{identity.entity.name}}/*" {
  capabilities = ["read"]
}

path "secret/metadata/{{identity.entity.name}}/*" {
  capabilities = ["list", "read"]
}

path "rabbitmq/creds/{{identity.entity.name}}" {
  capabilities = ["read"]
}
