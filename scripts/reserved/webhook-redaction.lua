-- NOT IN FORCE ANYWHERE: webhook_filter is reserved until this server sends webhooks, and a script that names it is refused at load.
return {
  api = 1,
  name = "webhook-redaction",
  version = "1",
  hooks = {
    webhook_filter = function(event)
      if event.action == "credential.generated" then return drop() end
      return deliver { redact = { "event.ip", "event.userAgent" } }
    end,
  },
}
