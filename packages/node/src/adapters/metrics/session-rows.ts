import { counter, gauge, labelled, type MetricRow } from "./row.ts";
import type { MetricSources } from "./sources.ts";

/** Who is there, who was refused or ended, and what passed between agents and the node. */
export function sessionRows({ arc, refusals }: MetricSources): MetricRow[] {
  const { registry, sessions } = arc;
  const { counters } = sessions;
  return [
    counter(
      "myelin_callers_refused_total",
      "Callers that a transport did not take, by code: HTTP connections, handshakes of WebSockets, connections to the Unix socket",
      () => refusals.values(),
    ),
    gauge("myelin_agents_known", "Agents known, present and gone", () => registry.size),
    gauge("myelin_sessions", "Sessions, live and away", () => sessions.sessionCount),
    gauge("myelin_connections", "Open connections of agents", () => sessions.connectionCount),
    counter(
      "myelin_connections_failed_total",
      "Connections of agents ended by a fault on the wire, such as a frame too large",
      () => counters.faults,
    ),
    labelled(
      "myelin_sessions_refused_total",
      "Connections refused before they had a session, by the code they were told",
      "code",
      () => Object.entries(counters.refused),
    ),
    labelled(
      "myelin_sessions_expelled_total",
      "Sessions ended for a breach of the protocol or of a bound, by the code they were told",
      "code",
      () => Object.entries(counters.expelled),
    ),
    counter(
      "myelin_sessions_slow_reader_total",
      "Sessions ended because the agent did not read",
      () => counters.slowReaders,
    ),
    counter(
      "myelin_sessions_taken_over_total",
      "Sessions ended because a newer one of the same part took over",
      () => counters.takenOver,
    ),
    counter(
      "myelin_sessions_sent_on_total",
      "Agents told the address of the lane that they belong to",
      () => counters.sentOn,
    ),
    counter("myelin_frames_received_total", "Frames received from agents", () => counters.frames),
    counter(
      "myelin_frames_received_bytes_total",
      "Bytes of frames received from agents",
      () => counters.bytes,
    ),
    counter("myelin_frames_bulk_total", "Frames that waited as bulk", () => counters.bulkFrames),
    counter(
      "myelin_frames_bulk_held_total",
      "Frames that came while bulk was not read",
      () => sessions.heldBulkFrames,
    ),
    labelled(
      "myelin_agents_throttled_total",
      "Times that an agent was told to hold its telemetry, by the rate that it exceeded",
      "rate",
      () => Object.entries(sessions.rates.exceeded),
    ),
    counter(
      "myelin_connections_held_total",
      "Times that a connection was not read for a while, because its agent went on nevertheless",
      () => sessions.rates.held,
    ),
    counter(
      "myelin_frames_shed_total",
      "Pings and pongs not sent to agents that read too slowly",
      () => sessions.shedFrames,
    ),
    counter(
      "myelin_agent_samples_dropped_total",
      "Samples that agents told to have dropped before they were sent",
      () => counters.agentDroppedSamples,
    ),
    counter(
      "myelin_agent_events_dropped_total",
      "Events that agents told to have dropped before they were sent",
      () => counters.agentDroppedEvents,
    ),
  ];
}
