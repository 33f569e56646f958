// What dlv reads from a stream of bytes, by the libraries that it reads with: google/go-dap and net/rpc/jsonrpc.
//
// Standard input: streams, each a byte for the protocol ('D' or 'R'), its length (32 bits, little endian), its bytes. Standard
// output, for each: the length (as above) and a JSON object. It is built without modules, from Debian's go-dap: ../../setup/install-fuzz.
package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"net/rpc"
	"net/rpc/jsonrpc"
	"os"

	"github.com/google/go-dap"
)

// A message that was read.
type message struct {
	Kind string `json:"kind"`
	Seq  int    `json:"seq"`
	// Command, event or method.
	Name       string `json:"name"`
	RequestSeq int    `json:"request_seq"`
	Success    bool   `json:"success"`
	// dlv does nothing but answer that it does not know it.
	Unknown bool `json:"unknown"`
	// What is below the message's top has a wrong type: dlv ends the session.
	Mistyped bool `json:"mistyped"`
	// The arguments of a start as dlv understands them; absent where it refuses them.
	Config *launchConfig `json:"config"`
	// The text of the id with which it is answered; none in DAP.
	Id string `json:"id"`
}

type seen struct {
	Messages []message `json:"messages"`
	// Why nothing more is read: "eof", "header", "body".
	End string `json:"end"`
}

// The fields of Delve's LaunchConfig and AttachConfig, service/dap/types.go of 1.27, with their types.
type launchConfig struct {
	Mode          string             `json:"mode"`
	Program       string             `json:"program"`
	Args          []string           `json:"args"`
	Cwd           string             `json:"cwd"`
	BuildFlags    buildFlags         `json:"buildFlags"`
	Output        string             `json:"output"`
	NoDebug       bool               `json:"noDebug"`
	TraceDirPath  string             `json:"traceDirPath"`
	CoreFilePath  string             `json:"coreFilePath"`
	DlvCwd        string             `json:"dlvCwd"`
	Env           map[string]*string `json:"env"`
	OutputMode    string             `json:"outputMode"`
	StdinFrom     string             `json:"stdinFrom"`
	StdoutTo      string             `json:"stdoutTo"`
	StderrTo      string             `json:"stderrTo"`
	ProcessID     int                `json:"processId"`
	AttachWaitFor string             `json:"waitFor"`
	commonConfig
}

type commonConfig struct {
	FollowExec           bool             `json:"followExec"`
	FollowExecRegex      string           `json:"followExecRegex"`
	StopOnEntry          bool             `json:"stopOnEntry"`
	Backend              string           `json:"backend"`
	StackTraceDepth      int              `json:"stackTraceDepth"`
	MaxStringLen         int              `json:"maxStringLen"`
	MaxArrayValues       int              `json:"maxArrayValues"`
	ShowGlobalVariables  bool             `json:"showGlobalVariables"`
	ShowRegisters        bool             `json:"showRegisters"`
	HideSystemGoroutines bool             `json:"hideSystemGoroutines"`
	GoroutineFilters     string           `json:"goroutineFilters"`
	ShowPprofLabels      []string         `json:"showPprofLabels"`
	SubstitutePath       []substitutePath `json:"substitutePath"`
	ShowRawStrings       bool             `json:"showRawStrings"`
}

type substitutePath struct {
	From string `json:"from"`
	To   string `json:"to"`
}

func (m *substitutePath) UnmarshalJSON(data []byte) error {
	var read struct {
		From *string
		To   *string
	}
	if err := json.Unmarshal(data, &read); err != nil {
		return err
	}
	if read.From == nil || read.To == nil {
		return errors.New("both from and to are required")
	}
	*m = substitutePath{*read.From, *read.To}
	return nil
}

// A string, or several.
type buildFlags struct{ value interface{} }

func (s *buildFlags) UnmarshalJSON(data []byte) error {
	s.value = nil
	if text := string(data); text == "" || text == "null" {
		return nil
	}
	var several []string
	if err := json.Unmarshal(data, &several); err == nil {
		s.value = several
		return nil
	}
	var one string
	if err := json.Unmarshal(data, &one); err != nil {
		return err
	}
	s.value = one
	return nil
}

func (s buildFlags) MarshalJSON() ([]byte, error) { return json.Marshal(s.value) }

// As onLaunchRequest and onAttachRequest.
func config(arguments json.RawMessage) *launchConfig {
	var read launchConfig
	if json.Unmarshal(arguments, &read) != nil {
		return nil
	}
	return &read
}

// As onRestartRequest of Delve 1.26 and later, with go-dap 0.12, which leaves the arguments raw.
func restartConfig(content []byte) *launchConfig {
	var request struct {
		Arguments json.RawMessage `json:"arguments"`
	}
	var read struct {
		Arguments struct {
			Request string `json:"request"`
			launchConfig
		}
	}
	if json.Unmarshal(content, &request) != nil || len(request.Arguments) == 0 {
		return nil
	}
	if json.Unmarshal(request.Arguments, &read) != nil || read.Arguments.Request != "launch" {
		return nil
	}
	return &read.Arguments.launchConfig
}

// As dap.DecodeProtocolMessage, step by step. Whether dlv reads on.
func decode(content []byte) (message, bool) {
	var envelope dap.ProtocolMessage
	if json.Unmarshal(content, &envelope) != nil {
		return message{Kind: "bad"}, false
	}
	found := message{Kind: "other", Seq: envelope.Seq}
	switch envelope.Type {
	case "request":
		var request dap.Request
		if json.Unmarshal(content, &request) != nil {
			return message{Kind: "bad"}, false
		}
		found.Kind, found.Name = "request", request.Command
	case "response":
		var response dap.Response
		if json.Unmarshal(content, &response) != nil {
			return message{Kind: "bad"}, false
		}
		found.Kind, found.Name = "response", response.Command
		found.RequestSeq, found.Success = response.RequestSeq, response.Success
	case "event":
		var event dap.Event
		if json.Unmarshal(content, &event) != nil {
			return message{Kind: "bad"}, false
		}
		found.Kind, found.Name = "event", event.Event
	}
	decoded, err := dap.DecodeProtocolMessage(content)
	if err != nil {
		var field *dap.DecodeProtocolMessageFieldError
		found.Unknown = errors.As(err, &field)
		found.Mistyped = !found.Unknown
		return found, found.Unknown
	}
	switch request := decoded.(type) {
	case *dap.LaunchRequest:
		found.Config = config(request.Arguments)
	case *dap.AttachRequest:
		found.Config = config(request.Arguments)
	case *dap.RestartRequest:
		found.Config = restartConfig(content)
	}
	return found, true
}

// As Session.ServeDAPCodec.
func readDap(stream []byte) seen {
	all := seen{Messages: []message{}}
	reader := bufio.NewReader(bytes.NewReader(stream))
	for {
		content, err := dap.ReadBaseMessage(reader)
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			all.End = "eof"
			return all
		}
		if err != nil {
			all.End = "header"
			return all
		}
		found, goesOn := decode(content)
		all.Messages = append(all.Messages, found)
		if !goesOn {
			all.End = "body"
			return all
		}
	}
}

type connection struct {
	*bytes.Reader
	answers bytes.Buffer
}

func (c *connection) Write(bytes []byte) (int, error) { return c.answers.Write(bytes) }
func (c *connection) Close() error                    { return nil }

// As ServerImpl.serveJSONCodec.
func readRpc(stream []byte) seen {
	all := seen{Messages: []message{}}
	conn := &connection{Reader: bytes.NewReader(stream)}
	codec := jsonrpc.NewServerCodec(conn)
	for {
		var request rpc.Request
		if err := codec.ReadRequestHeader(&request); err != nil {
			all.End = "body"
			if err == io.EOF || err == io.ErrUnexpectedEOF {
				all.End = "eof"
			}
			return all
		}
		conn.answers.Reset()
		codec.WriteResponse(&rpc.Response{Seq: request.Seq}, struct{}{})
		var answer struct {
			Id json.RawMessage `json:"id"`
		}
		json.Unmarshal(conn.answers.Bytes(), &answer)
		all.Messages = append(all.Messages, message{Kind: "request", Name: request.ServiceMethod, Id: string(answer.Id)})
	}
}

func main() {
	in, out := bufio.NewReaderSize(os.Stdin, 1<<16), bufio.NewWriterSize(os.Stdout, 1<<16)
	for {
		var head [5]byte
		if in.Buffered() == 0 {
			out.Flush()
		}
		if _, err := io.ReadFull(in, head[:]); err != nil {
			return
		}
		stream := make([]byte, binary.LittleEndian.Uint32(head[1:]))
		if _, err := io.ReadFull(in, stream); err != nil {
			return
		}
		read := readDap
		if head[0] == 'R' {
			read = readRpc
		}
		answer, err := json.Marshal(read(stream))
		if err != nil {
			panic(err)
		}
		var length [4]byte
		binary.LittleEndian.PutUint32(length[:], uint32(len(answer)))
		out.Write(length[:])
		out.Write(answer)
	}
}
