local dap = require("dap")

dap.adapters.dlvgate = { type = "server", host = "{HOST}", port = {PORT},
  options = { initialize_timeout_sec = 20 } }

dap.configurations.go = dap.configurations.go or {}
vim.list_extend(dap.configurations.go, {
  { type = "dlvgate", name = "Debug through dlvgate", request = "launch", mode = "debug",
    program = "${fileDirname}", outputMode = "remote" },
  { type = "dlvgate", name = "Connect to a program under dlvgate", request = "attach", mode = "remote"{MAP} },
})
