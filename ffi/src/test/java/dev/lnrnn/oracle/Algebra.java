package dev.lnrnn.oracle;

/** The few operations that all cells are made of. */
final class Algebra {

    private Algebra() {}

    /** {@code matrix · vector} for a row-major matrix of so many rows. */
    static double[] product(double[] matrix, int rows, double[] vector) {
        double[] result = new double[rows];
        for (int i = 0; i < rows; i++) {
            for (int j = 0; j < vector.length; j++) {
                result[i] += matrix[i * vector.length + j] * vector[j];
            }
        }
        return result;
    }

    static double[] sum(double[] a, double[] b) {
        double[] sum = a.clone();
        for (int i = 0; i < sum.length; i++) {
            sum[i] += b[i];
        }
        return sum;
    }

    static double dot(double[] a, double[] b) {
        double sum = 0;
        for (int i = 0; i < a.length; i++) {
            sum += a[i] * b[i];
        }
        return sum;
    }

    static double sigmoid(double value) {
        return 1 / (1 + Math.exp(-value));
    }
}
