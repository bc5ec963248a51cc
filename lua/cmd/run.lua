-- h2probe run: the suites against a server.
local campaign = require "h2probe.campaign"
local fleet = require "h2probe.fleet"
local results = require "h2probe.results"
local words = require "h2probe.words"

return function(options)
  local sorted, message = words.sort(options.words)
  if not sorted then
    words.say(message)
    return results.EXIT.usage
  end
  local cases, catalogue = words.cases(sorted)
  if not cases then
    return catalogue
  end
  local servers = words.of_role(cases, "client")
  if #servers == 0 then
    words.say "nothing was selected: these cases test clients: h2probe client runs them"
    return results.EXIT.nothing
  end
  local files = {}
  for _, path in ipairs(sorted.files) do
    files[path] = true
  end
  local run = options.targets and fleet.run or campaign.run
  return run { options = options, url = sorted.url, cases = servers, files = files, catalogue = catalogue,
    narrowed = #sorted.files + #sorted.selected > 0 }
end
