package web

import (
	"bytes"
	"net/http"
	"runtime"
	"runtime/pprof"
	"strconv"
	"time"
)

const profilePath = "/api/v1/profile/{kind}"

const (
	// profileSeconds is how long a profile of the processor takes when the request does not say.
	profileSeconds = 10
	// maxProfileSeconds bounds it.
	maxProfileSeconds = 60
)

// profile answers with a profile of the running server, in the format of go tool pprof: "cpu" over some seconds, or
// one that the runtime keeps, such as "heap" or "goroutine"; with gc=true, "heap" collects garbage first. It is for admins: a profile tells what the server is busy with.
func (s *Server) profile(w http.ResponseWriter, r *http.Request) {
	kind := r.PathValue("kind")
	var found bytes.Buffer
	if kind == "cpu" {
		seconds := profileSeconds
		if asked := r.URL.Query().Get("seconds"); asked != "" {
			n, err := strconv.Atoi(asked)
			if err != nil || n < 1 || n > maxProfileSeconds {
				challenge(w, invalid("query.seconds", "Give whole seconds, 1 to "+strconv.Itoa(maxProfileSeconds)+"."))
				return
			}
			seconds = n
		}
		if p := profileCPU(w, r, time.Duration(seconds)*time.Second, &found); p != nil {
			challenge(w, p)
			return
		}
	} else {
		kept := pprof.Lookup(kind)
		if kept == nil {
			challenge(w, problem(http.StatusNotFound, "There is no such profile: ask for cpu, heap, allocs, goroutine, block, mutex or threadcreate."))
			return
		}
		if kind == "heap" && r.URL.Query().Get("gc") == "true" {
			runtime.GC()
		}
		if err := kept.WriteTo(&found, 0); err != nil {
			s.cfg.Log.Warn("profile not written", "kind", kind, "err", err)
			challenge(w, problem(http.StatusInternalServerError, "The profile could not be written; the log says why."))
			return
		}
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Disposition", `attachment; filename="`+kind+`.pprof"`)
	_, _ = w.Write(found.Bytes()) // the client may be gone
}

// profileCPU profiles the processor for a time, or until the client is gone.
func profileCPU(w http.ResponseWriter, r *http.Request, length time.Duration, out *bytes.Buffer) *Problem {
	// The limits of ordinary requests do not hold for one that waits on purpose. Connections without deadlines, as in tests, go on all the same.
	control, until := http.NewResponseController(w), time.Now().Add(length+10*time.Second)
	_ = control.SetReadDeadline(until)
	_ = control.SetWriteDeadline(until)
	// The runtime makes one such profile at a time.
	if err := pprof.StartCPUProfile(out); err != nil {
		return problem(http.StatusServiceUnavailable, "The processor is being profiled already: wait until that is done.")
	}
	defer pprof.StopCPUProfile()
	select {
	case <-time.After(length):
	case <-r.Context().Done():
	}
	return nil
}
