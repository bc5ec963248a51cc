-- From URL and options to the targets of a run: one table per mode, as scripts see it.
local resources = require "h2probe.resources"
local url = require "h2probe.url"

local targets = {}

local BY_SCHEME = { https = { "alpn" }, http = { "upgrade", "prior" } }
local SCHEME_OF = { alpn = "https", upgrade = "http", prior = "http" }
local ALL = { "alpn", "upgrade", "prior" }

--- The modes of a run in order: those asked for, or those that the scheme has (nil: all, the embedded server).
function targets.modes(scheme, asked)
  if asked and asked ~= "all" then
    if scheme and SCHEME_OF[asked] ~= scheme then
      return nil, ("mode %s needs a URL that starts with %s://"):format(asked, SCHEME_OF[asked])
    end
    return { asked }
  end
  return scheme and BY_SCHEME[scheme] or ALL
end

local function checked_files(options)
  for _, name in ipairs { "cacert", "cert", "key" } do
    local path = options[name]
    if path then
      local text, message = resources.file(path)
      if not text then
        return nil, ("--%s: %s"):format(name, message)
      end
    end
  end
  if options.key and not options.cert then
    return nil, "--key needs --cert"
  end
  return true
end

local function dress(target, options)
  target.ca_file = options.cacert
  target.cert_file, target.key_file = options.cert, options.key or options.cert
  target.verify = not options.insecure
  if options.sni then
    target.sni = options.sni ~= "" and options.sni or false
  end
  target.authority = options.authority or target.authority
  target.path = options.path or target.path
  target.large_path = options.large_path
  target.connect_to = options.connect_to
  target.fields = options.headers
  return target
end

local function by_mode(modes, make)
  local made = {}
  for _, mode in ipairs(modes) do
    made[mode] = make(SCHEME_OF[mode])
  end
  return made
end

--- { text, modes, targets, explicit } of a URL, or nil and one line.
function targets.of_url(text, options)
  local parsed, message = url.parse(text)
  if not parsed then
    return nil, ("'%s' is not a URL of a target: %s"):format(text, message)
  end
  local ok, problem = checked_files(options)
  if not ok then
    return nil, problem
  end
  local modes, wrong = targets.modes(parsed.scheme, options.mode)
  if not modes then
    return nil, wrong
  end
  local made = by_mode(modes, function() return dress(url.parse(text), options) end)
  return { text = url.text(parsed), modes = modes, targets = made,
    explicit = options.mode ~= nil and options.mode ~= "all" }
end

local function loopback(scheme, server)
  local port = scheme == "https" and server.tls_port or server.port
  local target = assert(url.parse(("%s://127.0.0.1:%d/"):format(scheme, port)))
  target.verify = false
  return target
end

--- The same for a reference server that runs in this process.
function targets.of_server(server, options)
  local modes, message = targets.modes(nil, options.mode)
  if not modes then
    return nil, message
  end
  return { text = "the embedded reference server", modes = modes, explicit = false,
    targets = by_mode(modes, function(scheme)
      local target = loopback(scheme, server)
      target.path = options.path or target.path
      target.large_path = options.large_path
      target.fields = options.headers
      target.authority = options.authority or target.authority
      return target
    end) }
end

return targets
