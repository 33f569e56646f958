(with-eval-after-load 'dape
  ;; dlvgate in dlv's place
  (add-to-list 'dape-configs
               '(dlvgate modes (go-mode go-ts-mode) ensure dape-ensure-command
                 command "{LINK}" command-args ("dap" "--listen" "127.0.0.1::autoport")
                 command-cwd dape-command-cwd command-insert-stderr t port :autoport
                 :request "launch" :type "go" :mode "debug" :cwd "." :program "."))
  ;; a dlvgate that runs already: dlvgate serve -- exec ./bin/server --accept-multiclient
  (add-to-list 'dape-configs
               '(dlvgate-connect modes (go-mode go-ts-mode) host "{HOST}" port {PORT}
                 :request "attach" :type "go" :mode "remote")))
