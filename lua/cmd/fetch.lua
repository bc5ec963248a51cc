-- h2probe fetch: the reference client gets a URL; sound, or with chosen violations.
local results = require "h2probe.results"
local rules = require "h2probe.rules"
local targets = require "h2probe.targets"
local url = require "h2probe.url"
local words = require "h2probe.words"

local function violations(list)
  local bent = {}
  for _, text in ipairs(list or {}) do
    local id, way = rules.parse(text, "client")
    if not id then
      return nil, ("--violate: %s"):format(way)
    end
    bent[id] = way
  end
  return bent
end

-- The mode: the one that was asked for, or what the scheme has without an offer that may be declined.
local function mode_of(parsed, options)
  if options.mode == "all" then
    return nil, "--mode: a fetch has one mode: alpn, upgrade or prior"
  end
  local modes, message = targets.modes(parsed.scheme, options.mode)
  return modes and modes[#modes], message
end

return function(options)
  local parsed, message = url.parse(options.url)
  if not parsed then
    words.say(("'%s' is not a URL of a target: %s"):format(options.url, message))
    return results.EXIT.usage
  end
  local mode, wrong = mode_of(parsed, options)
  local bent, problem = violations(options.violate)
  if not mode or not bent then
    words.say(wrong or problem)
    return results.EXIT.usage
  end
  local good, text = require("h2probe.client").fetch { url = parsed, mode = mode, violate = bent,
    verify = not options.insecure, ca_file = options.cacert, timeout = options.timeout }
  if not good then
    words.say(text or "no good response")
    return results.EXIT.failed
  end
  return words.show(text)
end
