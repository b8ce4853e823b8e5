package dev.lnrnn.bench.jmh;

/** What the Java Native Interface takes for what {@link Probe} does through FFM. */
@SuppressWarnings("restricted")
final class JniProbe {

    static {
        System.load(Probe.file());
    }

    private JniProbe() {}

    static native long longs0();

    static native long longs4(long a0, long a1, long a2, long a3);

    static native long longs8(long a0, long a1, long a2, long a3, long b0, long b1, long b2, long b3);

    static native long longs16(long a0, long a1, long a2, long a3, long b0, long b1, long b2, long b3, long c0, long c1,
            long c2, long c3, long d0, long d1, long d2, long d3);

    /** Pins the arrays, as C must to read them, and releases them; answers how many. */
    static native long arrays4(float[] a0, float[] a1, float[] a2, float[] a3);

    static native long arrays16(float[] a0, float[] a1, float[] a2, float[] a3, float[] b0, float[] b1, float[] b2,
            float[] b3, float[] c0, float[] c1, float[] c2, float[] c3, float[] d0, float[] d1, float[] d2, float[] d3);
}
