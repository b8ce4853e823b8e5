package dev.lnrnn;

/**
 * What exists of the native library's objects now, over all devices of the process. What is left after the last device
 * is closed has leaked. Memory that a graph uses counts until the graph is closed.
 *
 * @param handles open devices
 * @param plans plans
 * @param streams streams, default streams not among them
 * @param events events
 * @param deviceBytes bytes of device memory
 * @param deviceAllocations allocations of device memory
 * @param hostBytes bytes of pinned host memory
 * @param hostAllocations allocations of pinned host memory
 * @param graphs graphs
 * @param registeredBytes bytes of registered host memory
 * @param registrations regions of registered host memory
 */
public record Usage(
        long handles,
        long plans,
        long streams,
        long events,
        long deviceBytes,
        long deviceAllocations,
        long hostBytes,
        long hostAllocations,
        long graphs,
        long registeredBytes,
        long registrations) {}
