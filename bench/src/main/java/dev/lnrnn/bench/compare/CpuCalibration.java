package dev.lnrnn.bench.compare;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.lnrnn.bench.results.Calibration;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * What this machine can do at best. It is looked at again and again beside the measurements, since machines drift, and
 * the best that was ever seen counts. The peak is the highest rate of multiply-adds in registers ({@link Arithmetic})
 * and of the peers' products of large matrices.
 */
final class CpuCalibration implements Calibration {

    private static final int PRODUCT_SIZE = 1024;
    private static final double PRODUCT_SECONDS = 0.25;

    private static final Path CACHES = Path.of("/sys/devices/system/cpu/cpu0/cache");
    /** Where the system does not tell: what a core of a server has at the least. */
    private static final long ASSUMED_CACHE = 4 << 20;
    private static final long LARGEST_CACHE = 256 << 20;

    private final int threads;
    private final List<Peer> peers;
    private final long cacheBytes = Math.min(lastLevelCache(), LARGEST_CACHE);
    private double flops1;
    private double flopsN;
    private double cacheBandwidth;
    private double memoryBandwidth;
    private double barrier = Double.POSITIVE_INFINITY;

    CpuCalibration(int threads, List<Peer> peers) {
        this.threads = threads;
        this.peers = List.copyOf(peers);
    }

    /** Looks once more. */
    void look() {
        flops1 = Math.max(flops1, flops(1));
        flopsN = Math.max(Math.max(flopsN, flops1), threads == 1 ? 0 : flops(threads));
        // Small enough to stay, large enough for no nearer level.
        cacheBandwidth = Math.max(cacheBandwidth, bandwidthOf(cacheBytes / 4));
        memoryBandwidth = Math.max(memoryBandwidth, bandwidthOf(cacheBytes * 4));
        barrier = Math.min(barrier, Arithmetic.barrier(threads));
    }

    /** Where others keep a core busy, one thread is quicker than all who wait for each other. */
    private double bandwidthOf(long bytes) {
        double one = Arithmetic.bandwidth(1, bytes);
        return threads == 1 ? one : Math.max(one, Arithmetic.bandwidth(threads, bytes));
    }

    private double flops(int count) {
        double best = Arithmetic.flops(count);
        for (Peer peer : peers) {
            try (Contestant product = peer.product(PRODUCT_SIZE, count)) {
                best = Math.max(best, 2.0 * PRODUCT_SIZE * PRODUCT_SIZE * PRODUCT_SIZE / shortest(product));
            }
        }
        return best;
    }

    private static double shortest(Contestant product) {
        product.run();
        long start = System.nanoTime();
        long shortest = Long.MAX_VALUE;
        do {
            long before = System.nanoTime();
            product.run();
            shortest = Math.min(shortest, System.nanoTime() - before);
        } while (System.nanoTime() - start < 1e9 * PRODUCT_SECONDS);
        return 1e-9 * shortest;
    }

    /** Everybody here computes in float32. */
    @Override
    public double peak(String dtype) {
        return flopsN;
    }

    @Override
    public double bandwidth(double bytes) {
        return bytes <= cacheBytes ? cacheBandwidth : memoryBandwidth;
    }

    @Override
    public double exchange(double bytes) {
        return barrier;
    }

    /**
     * What the JSON file has.
     *
     * @param flops1 operations per second of one thread
     * @param flopsN of all threads that each system may use
     * @param cacheBandwidth bytes per second that all of them together read from the last level of cache
     * @param memoryBandwidth bytes per second from memory
     * @param barrier seconds of a barrier among the threads
     */
    record Values(
            @JsonProperty("flops_1t") double flops1,
            @JsonProperty("flops_nt") double flopsN,
            @JsonProperty("l3_bytes") double cacheBandwidth,
            @JsonProperty("dram_bytes") double memoryBandwidth,
            @JsonProperty("barrier_seconds") double barrier) {}

    Values values() {
        return new Values(flops1, flopsN, cacheBandwidth, memoryBandwidth, barrier);
    }

    /** Bytes of the largest cache that the first core can use. */
    private static long lastLevelCache() {
        long largest = 0;
        try (DirectoryStream<Path> caches = Files.newDirectoryStream(CACHES, "index*")) {
            for (Path cache : caches) {
                largest = Math.max(largest, bytes(Files.readString(cache.resolve("size")).strip()));
            }
        } catch (IOException | NumberFormatException e) {
            return ASSUMED_CACHE;
        }
        return largest == 0 ? ASSUMED_CACHE : largest;
    }

    /** "512K", "32M". */
    private static long bytes(String size) {
        long unit = switch (size.charAt(size.length() - 1)) {
            case 'K' -> 1L << 10;
            case 'M' -> 1L << 20;
            case 'G' -> 1L << 30;
            default -> 1;
        };
        return unit * Long.parseLong(unit == 1 ? size : size.substring(0, size.length() - 1));
    }
}
