package dev.lnrnn;

import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Counts the objects of the native library that exist now, on all devices of the process. Objects that are left after
 * the last device is closed have leaked. Memory that a graph uses counts until the graph is closed.
 */
public final class Usage {
    private final long handles;
    private final long plans;
    private final long streams;
    private final long events;
    private final long deviceBytes;
    private final long deviceAllocations;
    private final long hostBytes;
    private final long hostAllocations;
    private final long graphs;
    private final long registeredBytes;
    private final long registrations;

    Usage(long handles, long plans, long streams, long events, long deviceBytes, long deviceAllocations, long hostBytes,
            long hostAllocations, long graphs, long registeredBytes, long registrations) {
        this.handles = handles;
        this.plans = plans;
        this.streams = streams;
        this.events = events;
        this.deviceBytes = deviceBytes;
        this.deviceAllocations = deviceAllocations;
        this.hostBytes = hostBytes;
        this.hostAllocations = hostAllocations;
        this.graphs = graphs;
        this.registeredBytes = registeredBytes;
        this.registrations = registrations;
    }

    /** {@return the number of open devices} */
    public long handles() {
        return handles;
    }

    /** {@return the number of plans} */
    public long plans() {
        return plans;
    }

    /** {@return the number of streams without the default ones} */
    public long streams() {
        return streams;
    }

    /** {@return the number of events} */
    public long events() {
        return events;
    }

    /** {@return bytes of device memory} */
    public long deviceBytes() {
        return deviceBytes;
    }

    /** {@return the number of allocations of device memory} */
    public long deviceAllocations() {
        return deviceAllocations;
    }

    /** {@return bytes of pinned host memory} */
    public long hostBytes() {
        return hostBytes;
    }

    /** {@return the number of allocations of pinned host memory} */
    public long hostAllocations() {
        return hostAllocations;
    }

    /** {@return the number of graphs} */
    public long graphs() {
        return graphs;
    }

    /** {@return bytes of registered host memory} */
    public long registeredBytes() {
        return registeredBytes;
    }

    /** {@return the number of regions of registered host memory} */
    public long registrations() {
        return registrations;
    }

    /** {@return whether both have the same values} */
    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof Usage that && values().equals(that.values());
    }

    /** {@return a hash code of the values} */
    @Override
    public int hashCode() {
        return values().hashCode();
    }

    /** {@return the values by name} */
    @Override
    public String toString() {
        return "Usage" + values();
    }

    private Map<String, Object> values() {
        Map<String, Object> values = new LinkedHashMap<>();
        values.put("handles", handles);
        values.put("plans", plans);
        values.put("streams", streams);
        values.put("events", events);
        values.put("deviceBytes", deviceBytes);
        values.put("deviceAllocations", deviceAllocations);
        values.put("hostBytes", hostBytes);
        values.put("hostAllocations", hostAllocations);
        values.put("graphs", graphs);
        values.put("registeredBytes", registeredBytes);
        values.put("registrations", registrations);
        return values;
    }
}
