-- h2probe probe: scripts of one case each, against a server.
local campaign = require "h2probe.campaign"
local loader = require "h2probe.loader"
local results = require "h2probe.results"
local url = require "h2probe.url"
local words = require "h2probe.words"

-- Everything that is no URL is a file here, whatever its name ends in.
local function sort(list)
  local target, paths = nil, {}
  for _, word in ipairs(list) do
    if not url.looks_like(word) then
      paths[#paths + 1] = word
    elseif target then
      return nil, ("two URLs: '%s' and '%s'"):format(target, word)
    else
      target = word
    end
  end
  if #paths == 0 then
    return nil, "probe needs a script: h2probe probe FILE [URL]"
  end
  return paths, target
end

-- Two files of one name in different folders are two probes.
local function with_own_id(case, taken)
  local base, number = case.id, 1
  while taken[case.id] do
    number = number + 1
    case.id = ("%s-%d"):format(base, number)
  end
  taken[case.id] = true
  return case
end

return function(options)
  local paths, target = sort(options.words)
  if not paths then
    words.say(target)
    return results.EXIT.usage
  end
  local cases, mistakes, taken = {}, {}, {}
  for _, path in ipairs(paths) do
    local case, message = loader.probe(path)
    if case then
      cases[#cases + 1] = with_own_id(case, taken)
      case.order = #cases
    else
      mistakes[#mistakes + 1] = message
    end
  end
  if #mistakes > 0 then
    words.say_all(mistakes)
    return results.EXIT.usage
  end
  local catalogue, status
  if options.expect or #options.only + #options.exclude > 0 then
    catalogue, status = words.catalogue()
    if not catalogue then
      return status
    end
  end
  return campaign.run { options = options, url = target, cases = cases, files = {}, catalogue = catalogue, probes = true }
end
