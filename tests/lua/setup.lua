-- Runs busted on the files given, with the modules of the source tree in reach: h2probe.NAME is lua/NAME.lua,
-- h2probe.reports.NAME is reports/NAME.lua, the engine is found on LUA_CPATH. Also busted's helper (.busted).

table.insert(package.searchers, 2, function(module)
  local name = module:match "^h2probe%.(.+)$"
  if not name then return nil end
  local report = name:match "^reports%.(.+)$"
  local base = (report and "reports/" .. report or "lua/" .. name):gsub("%.", "/")
  local tried = {}
  for _, path in ipairs { base .. ".lua", base .. "/init.lua" } do
    local file = io.open(path)
    if file then
      file:close()
      return assert(loadfile(path)), path
    end
    tried[#tried + 1] = "no file '" .. path .. "'"
  end
  return table.concat(tried, "\n\t")
end)

if not package.loaded["busted.runner"] and arg and arg[0] and arg[0]:match "setup%.lua$" then
  table.insert(arg, 1, "--output=TAP")
  require "busted.runner" { standalone = false }
end
