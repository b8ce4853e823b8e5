package dev.lnrnn.bench.results;

/** What a machine can do at best. */
public interface Calibration {

    /** Operations per second in a data type, such as "f32". */
    double peak(String dtype);

    /** Bytes per second of the nearest level of memory that holds so many bytes. */
    double bandwidth(double bytes);

    /** Seconds of an exchange among those who share work whose weights take so many bytes. */
    double exchange(double bytes);
}
