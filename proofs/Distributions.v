(** * Distributions, means, covariances, entropy, divergence: the definitions

    What every theorem of these files speaks of is defined here, on one page.

    Coq's logarithm is total, with [ln x = 0] for [x <= 0].
    So [p x * ln (p x)] is 0 where [p x = 0], which is the book's 0 log 0 = 0.
    The value [ln 0 = 0] itself means nothing: where a statement would use it, it asks for positive
    probabilities or for absolute continuity. *)

From Proofs Require Export Sums.

Definition distribution {T : Type} (X : list T) (p : T -> R) : Prop :=
  (forall x, In x X -> 0 <= p x) /\ sum X p = 1.

(** Full support. *)
Definition positive {T : Type} (X : list T) (p : T -> R) : Prop :=
  forall x, In x X -> 0 < p x.

(** [p] has no mass where [q] has none. *)
Definition dominated {T : Type} (X : list T) (p q : T -> R) : Prop :=
  forall x, In x X -> q x = 0 -> p x = 0.

(** E_p f *)
Definition mean {T : Type} (X : list T) (p f : T -> R) : R :=
  ∑ x ∈ X, p x * f x.

(** Cov_p(f, g) = E_p[(f - E_p f)(g - E_p g)] *)
Definition cov {T : Type} (X : list T) (p f g : T -> R) : R :=
  ∑ x ∈ X, p x * ((f x - mean X p f) * (g x - mean X p g)).

Definition var {T : Type} (X : list T) (p f : T -> R) : R := cov X p f f.

(** H(p) = -sum p log p, in nats *)
Definition entropy {T : Type} (X : list T) (p : T -> R) : R :=
  - (∑ x ∈ X, p x * ln (p x)).

(** KL(p || q) = sum p (log p - log q), for [p] dominated by [q]; else the book's is infinite *)
Definition kl {T : Type} (X : list T) (p q : T -> R) : R :=
  ∑ x ∈ X, p x * (ln (p x) - ln (q x)).

(** F(x) = log sum_a e^{x_a} *)
Definition logsumexp {T : Type} (X : list T) (x : T -> R) : R :=
  ln (∑ b ∈ X, exp (x b)).

(** softmax(x)_a = e^{x_a} / sum_b e^{x_b} *)
Definition softmax {T : Type} (X : list T) (x : T -> R) (a : T) : R :=
  exp (x a) / (∑ b ∈ X, exp (x b)).

(** The multiplicative step: p(a) e^{x_a} / E_p e^x *)
Definition tilt {T : Type} (X : list T) (p x : T -> R) (a : T) : R :=
  p a * exp (x a) / (∑ b ∈ X, p b * exp (x b)).

(** ** First consequences *)

Lemma positive_dominates : forall {T : Type} (X : list T) (p q : T -> R),
  positive X q -> dominated X p q.
Proof. intros T X p q full x inside zero. specialize (full x inside). lra. Qed.

Lemma positive_nonneg : forall {T : Type} (X : list T) (p : T -> R),
  positive X p -> forall x, In x X -> 0 <= p x.
Proof. intros T X p full x inside. apply Rlt_le, full, inside. Qed.

(** There is a distribution only on an index set that is not empty. *)
Lemma distribution_filled : forall {T : Type} (X : list T) (p : T -> R),
  sum X p = 1 -> X <> [].
Proof. intros T X p total empty. subst X. simpl in total. lra. Qed.

Lemma distribution_le_1 : forall {T : Type} (X : list T) (p : T -> R),
  distribution X p -> forall x, In x X -> p x <= 1.
Proof.
  intros T X p [nonneg total] x inside. rewrite <- total. apply sum_term_le; assumption.
Qed.

Lemma mean_ext : forall {T : Type} (X : list T) (p f g : T -> R),
  (forall x, In x X -> f x = g x) -> mean X p f = mean X p g.
Proof. intros T X p f g same. apply sum_ext. intros x inside. rewrite same; auto. Qed.

Lemma mean_plus : forall {T : Type} (X : list T) (p f g : T -> R),
  mean X p (fun x => f x + g x) = mean X p f + mean X p g.
Proof.
  intros T X p f g. unfold mean. rewrite <- sum_plus. apply sum_ext. intros. ring.
Qed.

Lemma mean_minus : forall {T : Type} (X : list T) (p f g : T -> R),
  mean X p (fun x => f x - g x) = mean X p f - mean X p g.
Proof.
  intros T X p f g. unfold mean. rewrite <- sum_minus. apply sum_ext. intros. ring.
Qed.

Lemma mean_scal : forall {T : Type} (X : list T) (p : T -> R) (c : R) (f : T -> R),
  mean X p (fun x => c * f x) = c * mean X p f.
Proof.
  intros T X p c f. unfold mean. rewrite <- sum_scal. apply sum_ext. intros. ring.
Qed.

Lemma mean_opp : forall {T : Type} (X : list T) (p f : T -> R),
  mean X p (fun x => - f x) = - mean X p f.
Proof.
  intros T X p f. unfold mean. rewrite <- sum_opp. apply sum_ext. intros. ring.
Qed.

Lemma mean_const : forall {T : Type} (X : list T) (p : T -> R) (c : R),
  sum X p = 1 -> mean X p (fun _ => c) = c.
Proof. intros T X p c total. unfold mean. rewrite sum_scal_r, total. lra. Qed.

(** Cov_p(f, g) = E_p[f g] - E_p f E_p g *)
Lemma cov_product : forall {T : Type} (X : list T) (p f g : T -> R),
  sum X p = 1 ->
  cov X p f g = mean X p (fun x => f x * g x) - mean X p f * mean X p g.
Proof.
  intros T X p f g total. unfold cov.
  rewrite (sum_ext X _ (fun x => p x * (f x * g x) - mean X p g * (p x * f x)
    - mean X p f * (p x * g x) + mean X p f * mean X p g * p x)) by (intros; ring).
  rewrite sum_plus, !sum_minus, !sum_scal, total.
  change (∑ x ∈ X, p x * f x) with (mean X p f).
  change (∑ x ∈ X, p x * g x) with (mean X p g).
  change (∑ x ∈ X, p x * (f x * g x)) with (mean X p (fun x => f x * g x)).
  ring.
Qed.

(** Only one of the two functions need be centred. *)
Lemma cov_centred : forall {T : Type} (X : list T) (p f g : T -> R),
  sum X p = 1 ->
  cov X p f g = ∑ x ∈ X, p x * ((f x - mean X p f) * g x).
Proof.
  intros T X p f g total. rewrite cov_product by exact total.
  rewrite (sum_ext X _ (fun x => p x * (f x * g x) - mean X p f * (p x * g x)))
    by (intros; ring).
  rewrite sum_minus, sum_scal. reflexivity.
Qed.

Lemma cov_sym : forall {T : Type} (X : list T) (p f g : T -> R),
  cov X p f g = cov X p g f.
Proof. intros T X p f g. apply sum_ext. intros. ring. Qed.

Lemma cov_ext : forall {T : Type} (X : list T) (p f f' g g' : T -> R),
  (forall x, In x X -> f x = f' x) -> (forall x, In x X -> g x = g' x) ->
  cov X p f g = cov X p f' g'.
Proof.
  intros T X p f f' g g' samef sameg. unfold cov.
  rewrite (mean_ext X p f f' samef), (mean_ext X p g g' sameg).
  apply sum_ext. intros x inside. rewrite samef, sameg; auto.
Qed.

(** Means and covariances depend on the probabilities of the index set alone. *)
Lemma mean_law : forall {T : Type} (X : list T) (p q f : T -> R),
  (forall x, In x X -> p x = q x) -> mean X p f = mean X q f.
Proof. intros T X p q f same. apply sum_ext. intros x inside. rewrite same; auto. Qed.

Lemma cov_law : forall {T : Type} (X : list T) (p q f g : T -> R),
  (forall x, In x X -> p x = q x) -> cov X p f g = cov X q f g.
Proof.
  intros T X p q f g same. unfold cov.
  rewrite (mean_law X p q f same), (mean_law X p q g same).
  apply sum_ext. intros x inside. rewrite same; auto.
Qed.

(** Constants have no covariance. *)
Lemma cov_shift : forall {T : Type} (X : list T) (p f g : T -> R) (c c' : R),
  sum X p = 1 ->
  cov X p (fun x => f x + c) (fun x => g x + c') = cov X p f g.
Proof.
  intros T X p f g c c' total. unfold cov.
  rewrite !mean_plus, !mean_const by exact total.
  apply sum_ext. intros. ring.
Qed.

Lemma cov_plus : forall {T : Type} (X : list T) (p f f' g : T -> R),
  cov X p (fun x => f x + f' x) g = cov X p f g + cov X p f' g.
Proof.
  intros T X p f f' g. unfold cov. rewrite <- sum_plus, mean_plus.
  apply sum_ext. intros. ring.
Qed.

Lemma cov_scal : forall {T : Type} (X : list T) (p : T -> R) (c : R) (f g : T -> R),
  cov X p (fun x => c * f x) g = c * cov X p f g.
Proof.
  intros T X p c f g. unfold cov. rewrite <- sum_scal, mean_scal.
  apply sum_ext. intros. ring.
Qed.

Lemma var_nonneg : forall {T : Type} (X : list T) (p f : T -> R),
  (forall x, In x X -> 0 <= p x) -> 0 <= var X p f.
Proof.
  intros T X p f nonneg. apply sum_nonneg. intros x inside.
  apply Rmult_le_pos; [apply nonneg; exact inside|apply Rle_0_sqr].
Qed.

(** Entropy and divergence depend on the probabilities of the index set alone. *)
Lemma entropy_ext : forall {T : Type} (X : list T) (p q : T -> R),
  (forall x, In x X -> p x = q x) -> entropy X p = entropy X q.
Proof.
  intros T X p q same. unfold entropy. f_equal. apply sum_ext.
  intros x inside. rewrite same; auto.
Qed.

Lemma kl_ext : forall {T : Type} (X : list T) (p p' q q' : T -> R),
  (forall x, In x X -> p x = p' x) -> (forall x, In x X -> q x = q' x) ->
  kl X p q = kl X p' q'.
Proof.
  intros T X p p' q q' samep sameq. apply sum_ext.
  intros x inside. rewrite samep, sameq; auto.
Qed.

(** KL(p || q) = -H(p) - E_p log q *)
Lemma kl_split : forall {T : Type} (X : list T) (p q : T -> R),
  kl X p q = - entropy X p - mean X p (fun x => ln (q x)).
Proof.
  intros T X p q. unfold kl, entropy, mean. rewrite Ropp_involutive, <- sum_minus.
  apply sum_ext. intros. ring.
Qed.
