package dev.lnrnn.bench.jmh;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.Collections;

/**
 * The C functions that calls are compared with: the library that {@code src/test/c/probe.c} of this module was compiled
 * to. The command {@code latency} does that, and names the file to JMH's forks.
 */
public final class Probe {

    /** Names the compiled library. */
    public static final String PROPERTY = "lnrnn.probe";

    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG;

    private Probe() {}

    static String file() {
        String file = System.getProperty(PROPERTY);
        if (file == null) {
            throw new IllegalStateException("The property " + PROPERTY + " names no library to compare with: the "
                    + "command latency compiles one and runs these benchmarks with it.");
        }
        return file;
    }

    /** A function that does nothing with so many numbers. */
    static MethodHandle longs(int count, Linker.Option... options) {
        return function("probe_longs_" + count, arguments(count, LONG), options);
    }

    /** A function that does nothing with so many pointers. */
    static MethodHandle pointers(int count, Linker.Option... options) {
        return function("probe_pointers_" + count, arguments(count, ValueLayout.ADDRESS), options);
    }

    /** Makes so many calls of the library on no rows, with what {@link #open} prepared; answers how many failed. */
    static MethodHandle calls(String name) {
        return function(name, FunctionDescriptor.of(LONG, ValueLayout.ADDRESS, LONG));
    }

    /** Prepares a network of the loaded library in C. */
    static MemorySegment open(String library, Shape shape) throws Throwable {
        MethodHandle open = function("probe_open",
                FunctionDescriptor.of(ValueLayout.ADDRESS, ValueLayout.ADDRESS, LONG, LONG));
        try (Arena scratch = Arena.ofConfined()) {
            MemorySegment network = (MemorySegment) open.invokeExact(scratch.allocateFrom(library), shape.inputSize,
                    shape.hiddenSize);
            if (network.equals(MemorySegment.NULL)) {
                throw new IllegalStateException("The probe cannot use " + library + ".");
            }
            return network;
        }
    }

    static void close(MemorySegment network) throws Throwable {
        function("probe_close", FunctionDescriptor.ofVoid(ValueLayout.ADDRESS)).invokeExact(network);
    }

    private static FunctionDescriptor arguments(int count, MemoryLayout kind) {
        return FunctionDescriptor.of(LONG, Collections.nCopies(count, kind).toArray(MemoryLayout[]::new));
    }

    // Restricted, since nothing can check that the types are those of the C source beside this class's module.
    @SuppressWarnings("restricted")
    private static MethodHandle function(String name, FunctionDescriptor type, Linker.Option... options) {
        MemorySegment address = SymbolLookup.libraryLookup(file(), Arena.global()).find(name)
                .orElseThrow(() -> new IllegalStateException(file() + " has no function " + name + "."));
        return Linker.nativeLinker().downcallHandle(address, type, options);
    }
}
