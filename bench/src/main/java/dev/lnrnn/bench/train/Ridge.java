package dev.lnrnn.bench.train;

import java.util.Arrays;

/**
 * A linear autoregression with an L2 penalty (Hoerl and Kennard 1970), fitted in closed form to the
 * training part of the same inputs the network sees: the input row of the origin, and, where the network
 * has its state, the {@link #lags} values before it.
 */
final class Ridge {

    private static final double PENALTY = 1;

    private final int lags;
    private final Inputs inputs;
    private final double[] weight;

    private Ridge(int lags, Inputs inputs, double[] weight) {
        this.lags = lags;
        this.inputs = inputs;
        this.weight = weight;
    }

    static Ridge fit(Inputs inputs, int trainingOrigins, int lags) {
        int n = lags + inputs.width() + 1;
        double[][] gram = new double[n][n];
        double[] moment = new double[n];
        double[] row = new double[n];
        for (int origin = lags; origin < trainingOrigins; origin++) {
            features(inputs, lags, origin, row);
            for (int i = 0; i < n; i++) {
                for (int j = 0; j <= i; j++) {
                    gram[i][j] += row[i] * row[j];
                }
                moment[i] += row[i] * inputs.target()[origin];
            }
        }
        for (int i = 0; i < n; i++) {
            gram[i][i] += PENALTY;
        }
        return new Ridge(lags, inputs, solveSymmetric(gram, moment));
    }

    /** The forecast made at an origin, which must have {@code lags} points before it; scaled units. */
    double forecast(int origin) {
        double[] row = new double[weight.length];
        features(inputs, lags, origin, row);
        double sum = 0;
        for (int i = 0; i < row.length; i++) {
            sum += weight[i] * row[i];
        }
        return sum;
    }

    /** The origin's row, the values before it, and 1. */
    private static void features(Inputs inputs, int lags, int origin, double[] row) {
        int width = inputs.width();
        float[] x = inputs.x();
        for (int k = 0; k < width; k++) {
            row[k] = x[origin * width + k];
        }
        for (int lag = 1; lag <= lags; lag++) {
            row[width + lag - 1] = x[(origin - lag) * width];
        }
        row[row.length - 1] = 1;
    }

    /** Solves A s = b by Cholesky's factorisation, in place; A is positive definite, its lower half given. */
    private static double[] solveSymmetric(double[][] a, double[] b) {
        int n = b.length;
        for (int j = 0; j < n; j++) {
            for (int k = 0; k < j; k++) {
                for (int i = j; i < n; i++) {
                    a[i][j] -= a[i][k] * a[j][k];
                }
            }
            double pivot = Math.sqrt(a[j][j]);
            for (int i = j; i < n; i++) {
                a[i][j] /= pivot;
            }
        }
        double[] s = Arrays.copyOf(b, n);
        for (int i = 0; i < n; i++) {
            for (int k = 0; k < i; k++) {
                s[i] -= a[i][k] * s[k];
            }
            s[i] /= a[i][i];
        }
        for (int i = n - 1; i >= 0; i--) {
            for (int k = i + 1; k < n; k++) {
                s[i] -= a[k][i] * s[k];
            }
            s[i] /= a[i][i];
        }
        return s;
    }
}
