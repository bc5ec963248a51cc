-- Runs busted on the files given, with the modules of the source tree in reach: h2probe.NAME is lua/NAME.lua,
-- h2probe.reports.NAME is reports/NAME.lua, the engine is found on LUA_CPATH. Also busted's helper (.busted).

table.insert(package.searchers, 2, function(module)
  local name = module:match "^h2probe%.(.+)$"
  if not name then return nil end
  local report = name:match "^reports%.(.+)$"
  local path = report and "reports/" .. report or "lua/" .. name
  path = path:gsub("%.", "/") .. ".lua"
  local chunk, message = loadfile(path)
  if chunk then return chunk, path end
  local file = io.open(path)
  if not file then return "no file '" .. path .. "'" end
  file:close()
  error(message, 0)
end)

if not package.loaded["busted.runner"] and arg and arg[0] and arg[0]:match "setup%.lua$" then
  table.insert(arg, 1, "--output=TAP")
  require "busted.runner" { standalone = false }
end
